//! Programs that run the command in their arguments.

use crate::judge::Judge;
use crate::options::{Parsed, Table};
use crate::program::{inner, shells};
use crate::shell::{Input, script};
use crate::word::{Doubt, Word};

/// How a wrapper takes its command.
#[derive(Clone, Copy)]
struct Wrapper {
    name: &'static str,
    options: Table,
    /// Operands before the command.
    skip: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The words are the command.
    Words,
    /// `NAME=VALUE` may stand before the command.
    Environment,
    /// The words are put together and run by a shell.
    Text,
    /// The option `command` holds a text; without it the words are the command, if there are any.
    Option,
    /// GNU parallel.
    Parallel,
}

const fn plain(name: &'static str, options: &'static str, skip: usize) -> Wrapper {
    Wrapper {
        name,
        options: Table::leading(options),
        skip,
        kind: Kind::Words,
    }
}

const fn special(name: &'static str, options: Table, skip: usize, kind: Kind) -> Wrapper {
    Wrapper {
        name,
        options,
        skip,
        kind,
    }
}

const SUDO: Table = Table::leading(
    "A,askpass b,background B,bell C,close-from= D,chdir= E,preserve-env? e,edit g,group= h,host= \
     H,set-home i,login K,remove-timestamp k,reset-timestamp l,list n,non-interactive \
     P,preserve-groups p,prompt= R,chroot= r,role= S,stdin s,shell T,command-timeout= t,type= \
     U,other-user= u,user= v,validate",
);

const SU: Table = Table::new(
    "c,command= session-command= f,fast g,group= G,supp-group= l,login \
     m,preserve-environment p P,pty s,shell= w,whitelist-environment= T,no-pty u,user=",
);

const WRAPPERS: [Wrapper; 37] = [
    special(
        "env",
        Table::leading(
            "i,ignore-environment 0,null u,unset= C,chdir= S,split-string= v,debug a,argv0= \
             block-signal? default-signal? ignore-signal? list-signal-handling",
        ),
        0,
        Kind::Environment,
    ),
    special("sudo", SUDO, 0, Kind::Environment),
    special(
        "doas",
        Table::leading("a= C= L n s u="),
        0,
        Kind::Environment,
    ),
    special("su", SU, 0, Kind::Option),
    special("runuser", SU, 0, Kind::Option),
    special(
        "script",
        Table::new(
            "c,command= a,append e,return f,flush q,quiet t,timing? T,log-timing= O,log-out= \
             I,log-in= B,log-io= m,logging-format= E,echo= o,output-limit= force",
        ),
        1,
        Kind::Option,
    ),
    special(
        "flock",
        Table::leading(
            "s,shared x,exclusive e u,unlock n,nonblock w,timeout= E,conflict-exit-code= o,close \
             F,no-fork verbose c,command=",
        ),
        1,
        Kind::Option,
    ),
    special(
        "watch",
        Table::leading(
            "b,beep c,color C,no-color d,differences? e,errexit g,chgexit n,interval= p,precise \
             q,equexit= r,no-rerun t,no-title w,no-wrap x,exec",
        ),
        0,
        Kind::Text,
    ),
    special(
        "parallel",
        Table::leading(
            "j,jobs= k,keep-order q,quote X m n,max-args= N,max-replace-args= a,arg-file= \
             C,colsep= d,delimiter= I= halt= joblog= results= tag verbose v t dry-run bar eta \
             delay= timeout= retries= load= memfree= nice= r,no-run-if-empty u,ungroup pipe \
             will-cite S,sshlogin= env= workdir= tmpdir= shuf L,max-lines= s,max-chars=",
        ),
        0,
        Kind::Parallel,
    ),
    plain(
        "timeout",
        "s,signal= k,kill-after= f,foreground p,preserve-status v,verbose",
        1,
    ),
    plain("nice", "n,adjustment=", 0),
    plain("nohup", "", 0),
    plain("setsid", "c,ctty f,fork w,wait", 0),
    plain("stdbuf", "i,input= o,output= e,error=", 0),
    plain(
        "ionice",
        "c,class= n,classdata= p,pid= P,pgid= t,ignore u,uid=",
        0,
    ),
    plain("taskset", "a,all-tasks p,pid c,cpu-list", 1),
    plain(
        "chrt",
        "a,all-tasks b,batch d,deadline f,fifo i,idle o,other p,pid r,rr R,reset-on-fork",
        1,
    ),
    plain(
        "time",
        "p,portability f,format= o,output= a,append v,verbose q,quiet",
        0,
    ),
    plain("chroot", "userspec= groups= skip-chdir", 1),
    plain(
        "unshare",
        "S,setuid= G,setgid= R,root= w,wd= f,fork r,map-root-user m? n? p? u? i? U? C? T?",
        0,
    ),
    plain(
        "nsenter",
        "t,target= a,all m? n? p? u? i? U? C? T? S,setuid= G,setgid= r? w?",
        0,
    ),
    plain(
        "setpriv",
        "ruid= euid= rgid= egid= reuid= regid= groups= inh-caps= ambient-caps= bounding-set= securebits= pdeathsig= no-new-privs clear-groups keep-groups init-groups",
        0,
    ),
    plain("setarch", "v,verbose R,addr-no-randomize", 1),
    plain(
        "strace",
        "f F c C i k q r t T v x y a= b= e= E= I= o= O= p= P= s= S= u= X=",
        0,
    ),
    plain("ltrace", "f c i r S t a= e= n= o= p= s= u= x=", 0),
    plain("fakeroot", "l,lib= f,faked= i= s= u,unknown-is-real b=", 0),
    plain("unbuffer", "p", 0),
    plain("ssh-agent", "a= c D d k s t= E= O= P=", 0),
    plain("dbus-run-session", "config-file= dbus-daemon=", 0),
    plain(
        "systemd-run",
        "user system scope unit= p,property= d,same-dir P,pipe t,pty q,quiet wait G,collect uid= gid= nice= working-directory= E,setenv= slice= S,shell",
        0,
    ),
    plain("systemd-inhibit", "what= who= why= mode=", 0),
    plain("caffeinate", "d i m s u t= w=", 0),
    plain("catchsegv", "", 0),
    plain(
        "prlimit",
        "p,pid= o,output= noheadings raw verbose c? d? e? f? i? l? m? n? q? r? s? t? u? v? x? y?",
        0,
    ),
    plain(
        "numactl",
        "i,interleave= m,membind= N,cpunodebind= C,physcpubind= l,localalloc p,preferred=",
        0,
    ),
    plain("faketime", "m f exclude-monotonic", 1),
    plain("chronic", "v e", 0),
];

/// The names of all wrappers.
pub(super) const NAMES: [&str; 8] = [
    "env", "sudo", "doas", "su", "timeout", "nohup", "parallel", "script",
];

pub(super) fn judge(
    judge: &mut Judge<'_>,
    name: &str,
    words: &[Word],
    input: &Input,
) -> Option<Word> {
    let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.name == name) else {
        let held = shells::held(judge, words.first()?)?;
        return shells::run(judge, &held.with_span(&words[0].span), &words[1..], input);
    };
    let args = &words[1..];
    let parsed = wrapper.options.parse(args);
    let operands = operands(args, &parsed, wrapper.skip);
    let saved = judge.state.clone();
    let printed = match wrapper.kind {
        Kind::Words => inner(judge, operands, input),
        Kind::Environment => environment(judge, args, &parsed, input),
        Kind::Text if parsed.on("exec").is_some() => inner(judge, operands, input),
        Kind::Text => {
            let text = joined(operands)?;
            Some(script(judge, &text, input).output)
        }
        Kind::Option => option(judge, name, args, &parsed, operands, input),
        Kind::Parallel => {
            parallel(judge, operands, input);
            None
        }
    };
    judge.state = saved;
    printed
}

/// The words from the given operand on.
fn operands<'a>(args: &'a [Word], parsed: &Parsed, skip: usize) -> &'a [Word] {
    let first = parsed.operands.get(skip);
    first
        .and_then(|index| args.get(*index..))
        .unwrap_or_default()
}

fn joined(words: &[Word]) -> Option<Word> {
    let first = words.first()?;
    let mut text = Word::known("", first.span.clone());
    for (number, word) in words.iter().enumerate() {
        if number > 0 {
            text.push_str(" ");
        }
        text.push_word(word);
    }
    Some(text)
}

/// `env`, `sudo`: options, assignments, the command.
fn environment(
    judge: &mut Judge<'_>,
    args: &[Word],
    parsed: &Parsed,
    input: &Input,
) -> Option<Word> {
    let mut words = operands(args, parsed, 0);
    if parsed.on("ignore-environment").is_some() || words.first().is_some_and(|word| word.is("-")) {
        judge.state.clear();
    }
    words = words.strip_prefix_word("-");
    let mut split = Vec::new();
    if let Some(text) = parsed.value("split-string") {
        // `-S` splits like a shell that knows only quotes.
        let text = text.get()?.to_owned();
        let span = args.first().map_or(0..0, |word| word.span.clone());
        split.extend(
            crate::git::split_words(&text)
                .iter()
                .map(|word| Word::known(word, span.clone())),
        );
        // Everything behind it belongs to that command.
        let given = parsed.on("split-string").map_or(0, |given| given.index);
        let separate = args.get(given).is_some_and(|word| {
            word.start().starts_with("--s") && !word.start().contains('=')
                || word.start().ends_with('S')
        });
        split.extend_from_slice(
            args.get(given + 1 + usize::from(separate)..)
                .unwrap_or_default(),
        );
        words = &split;
    }
    while let Some((word, rest)) = words.split_first() {
        let Some((name, _)) = word.start().split_once('=') else {
            break;
        };
        judge.state.set_scalar(name, word.skip(name.len() + 1));
        words = rest;
    }
    inner(judge, words, input)
}

trait StripPrefixWord {
    fn strip_prefix_word(&self, text: &str) -> &Self;
}

impl StripPrefixWord for [Word] {
    fn strip_prefix_word(&self, text: &str) -> &Self {
        match self.split_first() {
            Some((first, rest)) if first.is(text) => rest,
            _ => self,
        }
    }
}

/// `su -c TEXT`, `script -c TEXT`, `flock FILE -c TEXT`, `flock FILE COMMAND`.
fn option(
    judge: &mut Judge<'_>,
    name: &str,
    args: &[Word],
    parsed: &Parsed,
    operands: &[Word],
    input: &Input,
) -> Option<Word> {
    let given = parsed
        .value("command")
        .or_else(|| parsed.value("session-command"));
    if let Some(text) = given {
        return Some(script(judge, text, input).output);
    }
    match (name, operands) {
        ("flock", [option, text, ..]) if option.is("-c") || option.is("--command") => {
            Some(script(judge, text, input).output)
        }
        ("flock", command) => inner(judge, command, input),
        // `runuser -u USER COMMAND`, `su USER -- -c TEXT`
        ("runuser", _) if parsed.on("user").is_some() => {
            let first = parsed.operands.first()?;
            inner(judge, args.get(*first..)?, input)
        }
        ("su" | "runuser", _) => match input {
            Input::Text(text) => Some(script(judge, text, &Input::Inherited).output),
            Input::Inherited => None,
        },
        _ => None,
    }
}

/// `parallel COMMAND ::: VALUES`: each value is put behind the command, or where `{}` stands.
fn parallel(judge: &mut Judge<'_>, words: &[Word], input: &Input) {
    let is_mark = |word: &Word| word.start().starts_with(":::");
    let end = words.iter().position(is_mark).unwrap_or(words.len());
    let (command, values) = words.split_at(end);
    let mut values: Vec<Word> = values
        .iter()
        .filter(|word| !is_mark(word))
        .cloned()
        .collect();
    if values.is_empty() {
        let known = match input {
            Input::Text(text) => text.get().map(str::to_owned),
            Input::Inherited => None,
        };
        let span = command.first().map_or(0..0, |word| word.span.clone());
        match known {
            Some(text) => {
                values.extend(text.lines().map(|line| Word::known(line, span.clone())));
            }
            None => values.push(Word::unknown(Doubt::Value, span)),
        }
    }
    let has_mark = command.iter().any(|word| word.start().contains("{}"));
    for value in values {
        let filled: Vec<Word> = command
            .iter()
            .map(|word| super::xargs::filled(word, "{}", &value))
            .chain((!has_mark).then(|| value.clone()))
            .collect();
        if let Some(text) = joined(&filled) {
            script(judge, &text, &Input::Inherited);
        }
    }
}
