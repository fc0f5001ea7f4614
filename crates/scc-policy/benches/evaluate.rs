//! Reading and evaluating organizations of growing size.
fn main() {
    divan::main();
}
