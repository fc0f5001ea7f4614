//! What real git destroys, compared with the verdicts: every git row of the table that can be shown
//! runs in a copy of one repository, in which there is something to lose for each rule.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[expect(dead_code, reason = "the table of verdicts reads the rest")]
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rows::{ARGV, Row, rows, words};

/// Builds the repository. Nothing here uses what is tested.
const SETUP: &str = r#"
set -e
commit() { git commit -q -m "$1"; }

mkdir none; export GIT_TEMPLATE_DIR=$PWD/none
git init -q -b main module
(cd module; echo one > in-module; git add .; commit module)

git init -q --bare -b main remote.git
git -C remote.git config receive.advertisePushOptions true
git init -q -b main seed
cd seed
git remote add origin ../remote.git
mkdir folder
printf 'x.o\n' > .gitignore
for file in file.txt staged.txt README folder/file.txt -- --hard; do
  [ "$file" = -- ] || echo base > "./$file"
done
printf 'file.txt\n' > list.txt
git add -A; commit base
git tag -a v2 -m v2
git push -q origin main v2
git checkout -q -b stale
echo stale > stale.txt; git add .; commit stale
git push -q origin stale stale:both
git checkout -q --orphan tagged; git rm -rfq --cached .; git commit -q --allow-empty -m 'only on the remote tag'
git tag v1; git push -q origin v1
cd ..

git clone -q remote.git work
cd work
# A copy has other inodes.
git config core.checkStat minimal; git config core.trustCtime false
# Commits that only a branch or a tag holds, made without HEAD's reflog.
loose() { git commit-tree -p HEAD -m "$1" "HEAD^{tree}"; }
git branch topic "$(loose topic)"
git branch feature "$(loose feature)"
git branch merged HEAD
git branch both "$(loose both)"
git tag -d v1 -q > /dev/null 2>&1 || git tag -d v1 > /dev/null
git tag v1 "$(loose tag)"
git tag v2-extra "$(loose tag2)"
# The branch that was checked out before.
git checkout -q feature; git checkout -q main
echo two >> folder/file.txt; git add -A; commit second
echo three >> folder/file.txt; git add -A; commit third
# The local branch and the remote one go different ways, and this repository has not seen it.
cd ../seed
git checkout -q -f main
echo theirs > theirs.txt; git add theirs.txt; commit theirs; git push -q origin main
cd ../work
# A commit that only the reflog holds.
echo forgotten > forgotten.txt; git add -A; commit forgotten; git reset -q --hard HEAD~1
# A commit and a blob that nothing holds.
loose dangling > ../dangling
echo dangling | git hash-object -w --stdin > ../blob
# A submodule and a linked work tree with work in them.
git -c protocol.file.allow=always submodule --quiet add ../module sub
commit module
echo 'work in module' > sub/work-in-module
(cd sub; echo changed > in-module)
git worktree add -q -b linked ../linked
echo 'work in linked' > ../linked/work-in-linked
# Two stashes.
for name in older newer; do echo "stash $name" > file.txt; git stash push -q -m "$name"; done
# Uncommitted work of each kind.
echo 'unstaged work' > file.txt
echo 'staged work' > staged.txt; git add staged.txt
echo 'work in folder' > folder/file.txt
echo 'untracked work' > untracked.txt
mkdir build; echo 'work in build' > build/untracked.txt
echo 'ignored work' > x.o
"#;

/// All pieces of uncommitted work, as file contents.
const WORK: [&str; 9] = [
    "unstaged work",
    "staged work",
    "work in folder",
    "untracked work",
    "work in build",
    "ignored work",
    "work in module",
    "work in linked",
    "changed",
];

fn tool(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder.parent().unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_EDITOR", "true")
        .env("GIT_PAGER", "cat")
        .env("GIT_AUTHOR_NAME", "a")
        .env("GIT_AUTHOR_EMAIL", "a@example.com")
        .env("GIT_COMMITTER_NAME", "a")
        .env("GIT_COMMITTER_EMAIL", "a@example.com")
        .stdin(Stdio::null());
    command
}

fn git(folder: &Path, args: &[&str]) -> String {
    let output = tool("git", folder).args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

/// A repository's references and the commits that they name.
fn refs(folder: &Path) -> BTreeMap<String, String> {
    let text = git(
        folder,
        &["for-each-ref", "--format=%(refname) %(objectname)"],
    );
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs
        .map(|(name, id)| (name.to_owned(), id.to_owned()))
        .collect()
}

/// Everything that can be lost.
struct Snapshot {
    /// Objects that references and stashes hold.
    held: BTreeSet<String>,
    branches: BTreeMap<String, String>,
    remote: Remote,
    /// The files of the object store.
    objects: BTreeSet<String>,
    /// The number of entries of each reflog.
    recorded: BTreeMap<String, usize>,
    work: BTreeSet<&'static str>,
    current: String,
}

/// A remote's references, and the objects that they hold.
#[derive(Clone)]
struct Remote {
    branches: BTreeMap<String, String>,
    held: BTreeSet<String>,
}

impl Snapshot {
    /// `hashes`: the ids of the pieces of work, as objects. `remote`: what the remote was before.
    fn take(root: &Path, hashes: &[String], before: Option<&Self>) -> Self {
        let work = root.join("work");
        let stashes = fs::read_to_string(work.join(".git/logs/refs/stash")).unwrap_or_default();
        let mut list = vec!["rev-list", "--objects", "--no-object-names", "--all"];
        list.extend(stashes.lines().filter_map(|line| line.split(' ').nth(1)));
        let held = lines(&git(&work, &list));
        let mut texts = BTreeSet::new();
        files(&work, &mut texts);
        files(&root.join("linked"), &mut texts);
        let staged = git(&work, &["ls-files", "-s"]);
        let staged: Vec<&str> = staged
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .collect();
        let there = WORK.into_iter().zip(hashes).filter(|(text, hash)| {
            texts.contains(&format!("{text}\n"))
                || held.contains(*hash)
                || staged.contains(&hash.as_str())
        });
        Self {
            branches: refs(&work),
            remote: Remote::take(root, before),
            objects: names(&work.join(".git/objects")),
            recorded: reflogs(&work.join(".git/logs")),
            work: there.map(|(text, _)| text).collect(),
            current: fs::read_to_string(work.join(".git/HEAD")).unwrap_or_default(),
            held,
        }
    }

    /// What is lost since then.
    fn lost(&self, after: &Self) -> Vec<String> {
        let mut lost = vec![];
        for work in self.work.difference(&after.work) {
            lost.push(format!("uncommitted work: {work}"));
        }
        for (name, id) in &self.branches {
            let own =
                self.current.trim() == format!("ref: {name}") || name.starts_with("refs/remotes/");
            if !own && !after.held.contains(id) && name != "refs/stash" {
                lost.push(format!("{name}'s commit"));
            }
        }
        let stash = self.branches.get("refs/stash");
        if stash.is_some_and(|id| !after.held.contains(id)) {
            lost.push("a stash".to_owned());
        }
        for (name, id) in &self.remote.branches {
            if !after.remote.branches.contains_key(name) {
                lost.push(format!("{name} of the remote"));
            } else if !after.remote.held.contains(id) {
                lost.push(format!("{name}'s commit on the remote"));
            }
        }
        for (name, count) in &self.recorded {
            if after.recorded.get(name).is_some_and(|left| left < count) {
                lost.push(format!("entries of the reflog of {name}"));
            }
        }
        lost
    }
}

impl Remote {
    /// Most commands do not touch it, which is seen without asking git.
    fn take(root: &Path, before: Option<&Snapshot>) -> Self {
        let remote = root.join("remote.git");
        let mut plain = BTreeMap::new();
        loose_refs(&remote, &remote.join("refs"), &mut plain);
        match before {
            Some(before) if before.remote.branches == plain => before.remote.clone(),
            _ => Self {
                branches: refs(&remote),
                held: lines(&git(
                    &remote,
                    &["rev-list", "--objects", "--no-object-names", "--all"],
                )),
            },
        }
    }
}

/// The references that lie in files.
fn loose_refs(top: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            loose_refs(top, &path, found);
        } else if let Ok(id) = fs::read_to_string(&path) {
            let name = path.strip_prefix(top).unwrap().display().to_string();
            found.insert(name, id.trim().to_owned());
        }
    }
}

/// The files in a folder, at any depth.
fn names(folder: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.append(&mut names(&path));
        } else {
            all.insert(
                path.display()
                    .to_string()
                    .rsplit("/objects/")
                    .next()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
    all
}

fn reflogs(folder: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            counts.append(&mut reflogs(&path));
        } else if let Ok(text) = fs::read_to_string(&path) {
            let name = path.display().to_string();
            let name = name.rsplit("/logs/").next().unwrap().to_owned();
            counts.insert(name, text.lines().count());
        }
    }
    counts
}

/// The size and time of every file: what a command that only reads leaves as it was.
fn fingerprint(folder: &Path) -> BTreeMap<PathBuf, (u64, std::time::SystemTime)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.metadata().unwrap());
        if kind.is_dir() {
            all.append(&mut fingerprint(&path));
        } else {
            all.insert(path, (kind.len(), kind.modified().unwrap()));
        }
    }
    all
}

/// Objects that are there no more; packing moves them, and then git is asked.
fn objects_lost(template: &Path, before: &Snapshot, root: &Path, after: &Snapshot) -> bool {
    let list = [
        "cat-file",
        "--batch-all-objects",
        "--batch-check=%(objectname)",
    ];
    !before.objects.is_subset(&after.objects)
        && !lines(&git(&template.join("work"), &list))
            .is_subset(&lines(&git(&root.join("work"), &list)))
}

fn files(folder: &Path, texts: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != ".git" {
            files(&path, texts);
        } else if let Ok(text) = fs::read_to_string(&path) {
            texts.insert(text);
        }
    }
}

/// A folder of the test, which is removed again.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        // In memory where that is possible: there are some hundred copies to make.
        let memory = Path::new("/dev/shm");
        let top = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let path = top.join(format!("scc-safety-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The id of a text as an object.
fn hash(folder: &Path, text: &str) -> String {
    fs::write(folder.join("text"), format!("{text}\n")).unwrap();
    let id = git(folder, &["hash-object", "--no-filters", "text"]);
    fs::remove_file(folder.join("text")).unwrap();
    id.trim().to_owned()
}

fn copy(from: &Path, to: &Path) {
    let output = Command::new("cp")
        .arg("-a")
        .args([from, to])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A copy of the repository in which commands run. It is made anew once a command changed it.
struct Copy<'a> {
    template: &'a Path,
    before: &'a Snapshot,
    hashes: &'a [String],
    root: PathBuf,
    print: Option<BTreeMap<PathBuf, (u64, std::time::SystemTime)>>,
}

impl Copy<'_> {
    fn make(&self) {
        let _ = fs::remove_dir_all(&self.root);
        copy(self.template, &self.root);
        // These files name each other by absolute path.
        for file in [
            "linked/.git",
            "work/.git/worktrees/linked/gitdir",
            "work/.git/config",
        ] {
            let path = self.root.join(file);
            let text = fs::read_to_string(&path).unwrap();
            let (from, to) = (self.template.to_str().unwrap(), self.root.to_str().unwrap());
            fs::write(path, text.replace(from, to)).unwrap();
        }
    }

    /// Runs a command, and says what it lost.
    fn run(&mut self, command: &[String]) -> (Output, Vec<String>) {
        if self.print.is_none() {
            self.make();
        }
        let before = self.print.take().unwrap_or_else(|| fingerprint(&self.root));
        let output = tool("git", &self.root.join("work"))
            .args(&command[1..])
            .output()
            .unwrap();
        if fingerprint(&self.root) == before {
            self.print = Some(before);
            return (output, vec![]);
        }
        let after = Snapshot::take(&self.root, self.hashes, Some(self.before));
        let mut lost = self.before.lost(&after);
        if objects_lost(self.template, self.before, &self.root, &after) {
            lost.push("objects".to_owned());
        }
        (output, lost)
    }
}

fn is_shown(row: &Row) -> bool {
    !row.unshown && row.command.starts_with("git")
}

#[test]
fn verdicts_are_what_git_does() {
    let folder = Folder::new("facts");
    let template = folder.0.join("template");
    fs::create_dir(&template).unwrap();
    let setup = tool("sh", &template)
        .env("HOME", &template)
        .args(["-c", SETUP])
        .output()
        .unwrap();
    assert!(
        setup.status.success(),
        "{}",
        String::from_utf8_lossy(&setup.stderr)
    );
    let hashes: Vec<String> = WORK.iter().map(|text| hash(&template, text)).collect();
    let before = Snapshot::take(&template, &hashes, None);
    assert_eq!(before.work.len(), WORK.len(), "{:?}", before.work);

    let rows: Vec<Row> = rows(ARGV).into_iter().filter(is_shown).collect();
    assert!(rows.len() > 500, "{} rows are shown", rows.len());
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(vec![]);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (folder, template, before, hashes) = (&folder, &template, &before, &hashes);
            let (rows, next, wrong) = (&rows, &next, &wrong);
            scope.spawn(move || {
                let root = folder.0.join(format!("copy-{number}"));
                let mut copy = Copy {
                    template,
                    before,
                    hashes,
                    root,
                    print: None,
                };
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (output, lost) = copy.run(&words(row.command));
                    if lost.is_empty() == row.refuse {
                        let said = String::from_utf8_lossy(&output.stderr);
                        let said = said.lines().next().unwrap_or_default();
                        let text =
                            format!("line {}: {} -> {lost:?} ({said})", row.line, row.command);
                        wrong.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
