//! Programs that reach the network by themselves.

use crate::judge::Judge;
use crate::options::Table;
use crate::policy::NetworkTool;
use crate::rules::{self, RuleInfo};
use crate::word::{Doubt, Word, base_name};

/// The programs that git runs on the other end of an ssh connection.
const GIT_SERVICES: [&str; 3] = ["git-upload-pack", "git-receive-pack", "git-upload-archive"];

/// The options of rsync that take a value; only they matter for finding its operands.
const RSYNC: Table = Table::new(
    "e,rsh= rsync-path= f,filter= exclude= exclude-from= include= include-from= files-from= \
     backup-dir= suffix= T,temp-dir= compare-dest= copy-dest= link-dest= partial-dir= \
     chmod= chown= usermap= groupmap= B,block-size= max-size= min-size= timeout= contimeout= \
     port= address= bwlimit= log-file= log-file-format= out-format= password-file= \
     M,remote-option= modify-window= compress-level= skip-compress= info= debug= \
     iconv= checksum-choice= stop-after= stop-at= max-delete= outbuf= sockopts= \
     protocol= write-batch= only-write-batch= read-batch=",
);

/// The options of ssh, up to the host.
const SSH: Table = Table::leading(
    "B= b= c= D= E= e= F= I= i= J= L= l= m= O= o= P= p= Q= R= S= W= w= 4 6 A a C f G g K k M N n q \
     s T t V v X x Y y",
);

pub(super) fn judge(judge: &mut Judge<'_>, tool: NetworkTool, words: &[Word]) {
    if judge.policy.allowed_network_tools.contains(&tool)
        || only_asks(tool, words)
        || (tool == NetworkTool::Rsync && is_local_copy(words))
        || (tool == NetworkTool::Ssh
            && (is_completed(judge, words) || started_by_git(judge, words)))
    {
        return;
    }
    judge.find(rule(tool), &[&words[0]], words);
}

fn rule(tool: NetworkTool) -> &'static RuleInfo {
    match tool {
        NetworkTool::Curl => rules::NETWORK_CURL,
        NetworkTool::Wget => rules::NETWORK_WGET,
        NetworkTool::Ssh => rules::NETWORK_SSH,
        NetworkTool::Scp => rules::NETWORK_SCP,
        NetworkTool::Sftp => rules::NETWORK_SFTP,
        NetworkTool::Rsync => rules::NETWORK_RSYNC,
    }
}

/// The command only prints its version or help. With anything else beside it that is not certain
/// (`curl URL --version` is one thing, `curl -o --version URL` another), so that it must be alone.
fn only_asks(tool: NetworkTool, words: &[Word]) -> bool {
    let args: Vec<Option<&str>> = words[1..].iter().map(Word::get).collect();
    match (tool, args.as_slice()) {
        (_, [Some("--version" | "--help")]) => true,
        (NetworkTool::Curl | NetworkTool::Wget, [Some("-V" | "-h")]) => true,
        (NetworkTool::Rsync, [Some("-V" | "-h")]) => true,
        // `--help curl's-category`
        (NetworkTool::Curl, [Some("--help" | "-h"), Some(topic)]) => !topic.starts_with('-'),
        // `-G` prints the configuration, `-Q` what is supported.
        (NetworkTool::Ssh, [Some("-V")] | [Some("-Q" | "-G"), Some(_)]) => true,
        _ => false,
    }
}

/// Rsync between paths of this machine, and nothing that runs a program of its own.
fn is_local_copy(words: &[Word]) -> bool {
    let args = &words[1..];
    let parsed = RSYNC.parse(args);
    if !parsed.doubtful.is_empty()
        || parsed.on("rsh").is_some()
        || parsed.on("rsync-path").is_some()
    {
        return false;
    }
    let operands = parsed.operands.iter().map(|index| &args[*index]);
    let mut count = 0;
    for operand in operands {
        // A colon before the first slash makes it `HOST:PATH`.
        let Some(text) = operand.get() else {
            let start = operand.start();
            let is_path = start.contains('/') || operand.doubt() == Some(Doubt::Name);
            if !is_path || base_before_slash(start).contains(':') {
                return false;
            }
            count += 1;
            continue;
        };
        if base_before_slash(text).contains(':') {
            return false;
        }
        count += 1;
    }
    count >= 1
}

fn base_before_slash(text: &str) -> &str {
    text.split('/').next().unwrap_or_default()
}

/// An ssh without a host goes nowhere, but where git adds one.
fn is_completed(judge: &Judge<'_>, words: &[Word]) -> bool {
    let parsed = SSH.parse(&words[1..]);
    judge.transport && parsed.operands.is_empty() && parsed.doubtful.is_empty()
}

/// Git runs `ssh [OPTIONS] HOST "git-upload-pack 'PATH'"`.
fn started_by_git(judge: &Judge<'_>, words: &[Word]) -> bool {
    if judge.world.git_parent().is_none() {
        return false;
    }
    let last = words.last().and_then(Word::get).unwrap_or_default();
    let Some((program, path)) = last.split_once(' ') else {
        // `ssh -G HOST` is how git finds out which kind of ssh it has.
        return words.get(1).is_some_and(|word| word.is("-G"));
    };
    let quoted = path
        .strip_prefix('\'')
        .and_then(|path| path.strip_suffix('\''));
    let plain = |path: &str| {
        !path
            .replace("'\\''", "")
            .replace("'\\!'", "")
            .contains('\'')
    };
    GIT_SERVICES.contains(&base_name(program)) && quoted.is_some_and(plain)
}
