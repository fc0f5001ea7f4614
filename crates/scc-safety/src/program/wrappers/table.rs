//! How each program takes the command that it runs.

use crate::options::Table;

/// How a wrapper takes its command.
#[derive(Clone, Copy)]
pub(super) struct Wrapper {
    pub(super) name: &'static str,
    pub(super) options: Table,
    /// Operands before the command.
    pub(super) skip: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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
    /// An architecture may stand before further options and the command.
    Architecture,
    /// One of these subcommands, its options, and the command, as words or as a text.
    Subcommand(&'static [&'static str]),
    /// One of these subcommands, and a text for a shell in several words.
    SubcommandText(&'static [&'static str]),
    /// Each operand is a text for a shell.
    Texts,
    /// A text for a shell is read, from a file (`-f`) or the input.
    Stdin,
    /// The words behind `-c` or `--command` are the command.
    Behind,
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

pub(super) const WRAPPERS: [Wrapper; 93] = [
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
    special("setarch", ARCHITECTURE, 0, Kind::Architecture),
    special("linux32", ARCHITECTURE, 0, Kind::Architecture),
    special("linux64", ARCHITECTURE, 0, Kind::Architecture),
    special("i386", ARCHITECTURE, 0, Kind::Architecture),
    special("x86_64", ARCHITECTURE, 0, Kind::Architecture),
    special("uname26", ARCHITECTURE, 0, Kind::Architecture),
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
    plain("pkexec", "u,user= disable-internal-agent keep-cwd", 0),
    plain("gosu", "", 1),
    plain("su-exec", "", 1),
    plain("setuidgid", "", 1),
    plain("envdir", "", 1),
    special("sg", Table::new("c,command="), 1, Kind::Option),
    plain("eatmydata", "", 0),
    plain("firejail", "c", 0),
    plain("torsocks", "d i q u= p= a=", 0),
    plain("proxychains", "q f=", 0),
    plain("proxychains4", "q f=", 0),
    plain(
        "xvfb-run",
        "a,auto-servernum e,error-file= f,auth-file= n,server-num= l,listen-tcp p,xauth-protocol= s,server-args= w,wait=",
        0,
    ),
    plain("valgrind", "q,quiet v,verbose", 0),
    plain("heaptrack", "o,output= r,raw", 0),
    plain("entr", "a c d n p r s z", 0),
    plain("rlwrap", "a c f= H= p? r t= w= z=", 0),
    special("cross-env", Table::leading(""), 0, Kind::Environment),
    special("cross-env-shell", Table::leading(""), 0, Kind::Text),
    special(
        "perf",
        Table::leading(
            "e,event= a,all-cpus p,pid= t,tid= r,repeat= d,detailed o,output= x,field-separator= \
             C,cpu= I,interval-print= D,delay= F,freq= c,count= m,mmap-pages= g q,quiet s,summary",
        ),
        0,
        Kind::Subcommand(&["stat", "record", "trace"]),
    ),
    special(
        "uv",
        Table::leading(
            "p,python= with= with-editable= with-requirements= extra= no-extra= group= no-group= \
             env-file= directory= project= package= index= index-url= i= f,find-links= \
             P,upgrade-package= config-file= cache-dir= color= isolated active locked frozen \
             no-sync no-project all-extras all-groups n,no-cache q,quiet v,verbose offline",
        ),
        0,
        Kind::Subcommand(&["run"]),
    ),
    special("poetry", PROJECT, 0, Kind::Subcommand(&["run"])),
    special("pipenv", PROJECT, 0, Kind::Subcommand(&["run"])),
    special("pdm", PROJECT, 0, Kind::Subcommand(&["run"])),
    special("rye", PROJECT, 0, Kind::Subcommand(&["run"])),
    special("pixi", PROJECT, 0, Kind::Subcommand(&["run"])),
    special("hatch", PROJECT, 0, Kind::Subcommand(&["run"])),
    special("devbox", PROJECT, 0, Kind::Subcommand(&["run"])),
    special("bundle", PROJECT, 0, Kind::Subcommand(&["exec"])),
    special("rbenv", PROJECT, 0, Kind::Subcommand(&["exec"])),
    special("pyenv", PROJECT, 0, Kind::Subcommand(&["exec"])),
    special("mise", PROJECT, 0, Kind::Subcommand(&["exec", "x"])),
    special("asdf", PROJECT, 0, Kind::Subcommand(&["exec"])),
    special("direnv", PROJECT, 1, Kind::Subcommand(&["exec"])),
    special("rustup", PROJECT, 1, Kind::Subcommand(&["run"])),
    special("conda", PROJECT, 0, Kind::Subcommand(&["run"])),
    special("mamba", PROJECT, 0, Kind::Subcommand(&["run"])),
    special("micromamba", PROJECT, 0, Kind::Subcommand(&["run"])),
    special("npx", PACKAGE, 0, Kind::Option),
    special("npm", PACKAGE, 0, Kind::Subcommand(&["exec", "x"])),
    special(
        "pnpm",
        Table::leading("c,shell-mode r,recursive C,dir= filter="),
        0,
        Kind::Subcommand(&["exec"]),
    ),
    special("yarn", PROJECT, 0, Kind::Subcommand(&["exec"])),
    special("docker", CONTAINER, 1, Kind::Subcommand(&["exec"])),
    special("podman", CONTAINER, 1, Kind::Subcommand(&["exec"])),
    special(
        "nix-shell",
        Table::new("run= command= p,packages pure A,attr= I= arg= argstr= i="),
        0,
        Kind::Option,
    ),
    special("nix", Table::leading(""), 0, Kind::Behind),
    special(
        "hyperfine",
        Table::new(
            "w,warmup= m,min-runs= M,max-runs= r,runs= s,setup= p,prepare= c,cleanup= C,conclude= \
             P,parameter-scan= D,parameter-step-size= L,parameter-list= S,shell= N \
             i,ignore-failure style= sort= u,time-unit= export-asciidoc= export-csv= export-json= \
             export-markdown= export-orgmode= show-output output= input= n,command-name= \
             min-benchmarking-time=",
        ),
        0,
        Kind::Texts,
    ),
    special(
        "concurrently",
        Table::new("n,names= c,prefix-colors= p,prefix= k,kill-others m,max-processes= r,raw"),
        0,
        Kind::Texts,
    ),
    special(
        "tmux",
        Table::leading("2 A b C D d E h l N P R u v Z a c= e= f= F= L= n= p= S= s= t= T= x= y="),
        0,
        Kind::SubcommandText(&[
            "new-session",
            "new",
            "new-window",
            "neww",
            "split-window",
            "splitw",
            "send-keys",
            "send",
            "respawn-pane",
            "respawnp",
            "respawn-window",
            "respawnw",
            "run-shell",
            "run",
            "pipe-pane",
            "pipep",
            "display-popup",
            "popup",
        ]),
    ),
    plain(
        "screen",
        "A a c= D d e= f h= i L l m O p= q Q R r S= s= T= t= U v w x",
        0,
    ),
    special("at", AT, 0, Kind::Stdin),
    special("batch", AT, 0, Kind::Stdin),
];

const ARCHITECTURE: Table = Table::leading(
    "v,verbose R,addr-no-randomize B,32bit F,fdpic-funcptrs I,short-inode L,addr-compat-layout \
     S,whole-seconds T,sticky-timeouts X,read-implies-exec Z,mmap-page-zero 3,3gb 4gb uname-2.6 \
     list",
);

/// What `setarch` takes for an architecture.
pub(super) const ARCHITECTURES: [&str; 16] = [
    "aarch64", "arm", "arm64", "armv7l", "armv8l", "athlon", "i386", "i486", "i586", "i686",
    "linux32", "linux64", "ppc64le", "riscv64", "uname26", "x86_64",
];

/// Programs that run a command in the environment of a project.
const PROJECT: Table = Table::leading(
    "C,directory= P,project= p,prefix= n,name= e,environment= v,verbose q,quiet c,config= \
     no-capture-output live-stream cwd=",
);

const PACKAGE: Table = Table::leading("c,call= p,package= w,workspace= ws y,yes n,no q,quiet");

const CONTAINER: Table = Table::leading(
    "d,detach detach-keys= e,env= env-file= i,interactive privileged t,tty u,user= w,workdir=",
);

const AT: Table = Table::new("V q= f= M m k v l r d b t= c");
