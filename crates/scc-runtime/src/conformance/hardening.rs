use super::Fixture;
use crate::SandboxRuntime;

/// Socket families that reach past network isolation, and namespaces and mounts, even for root.
/// Calls are made by number through perl, which Debian's smallest image has.
pub async fn the_kernel_refuses_what_reaches_out<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let script = r#"perl -e '
        sub try { my ($what, $call, @rest) = @_; my $r = syscall($call, @rest); print "$what ", ($r == -1 ? "refused" : "allowed"), "\n" }
        my ($x86) = (`uname -m` =~ /x86_64/);
        my %n = $x86 ? (socket => 41, unshare => 272, mount => 165, clone => 56, bpf => 321, io_uring => 425, keyctl => 250, personality => 135, init_module => 175, finit_module => 313, kexec => 246, setns => 308, pivot => 155)
                     : (socket => 198, unshare => 97, mount => 40, clone => 220, bpf => 280, io_uring => 425, keyctl => 219, personality => 92, init_module => 105, finit_module => 273, kexec => 104, setns => 268, pivot => 41);
        my $none = "none";
        try("unix", $n{socket}, 1, 1, 0);
        try("inet", $n{socket}, 2, 1, 0);
        try("inet6", $n{socket}, 10, 1, 0);
        try("netlink", $n{socket}, 16, 3, 0);
        try("vsock", $n{socket}, 40, 1, 0);
        try("alg", $n{socket}, 38, 5, 0);
        try("packet", $n{socket}, 17, 3, 0);
        try("unshare-user", $n{unshare}, 0x10000000);
        try("clone-user", $n{clone}, 0x10000011, 0, 0, 0, 0);
        try("mount", $n{mount}, $none, "/tmp", "tmpfs", 0, 0);
        try("bpf", $n{bpf}, 0, 0, 0);
        try("keyctl", $n{keyctl}, 0, -3, 0);
        try("init-module", $n{init_module}, $none, 4, $none);
        try("finit-module", $n{finit_module}, 0, $none, 0);
        try("kexec", $n{kexec}, 0, 0, 0, 0);
        try("setns", $n{setns}, 0, 0);
        try("pivot-root", $n{pivot}, $none, $none);
        try("persona-ask", $n{personality}, 0xffffffff);
        try("persona-weak", $n{personality}, 0x0400000);
        $! = 0; syscall(435, 0, 0); print "clone3 ", $!+0, "\n";
        $! = 0; syscall(425, 0, 0); print "io_uring ", $!+0, "\n";
    '"#;
    let expected = "unix allowed\ninet allowed\ninet6 allowed\nnetlink allowed\nvsock refused\n\
                    alg refused\npacket refused\nunshare-user refused\nclone-user refused\n\
                    mount refused\nbpf refused\nkeyctl refused\n\
                    init-module refused\nfinit-module refused\nkexec refused\nsetns refused\n\
                    pivot-root refused\npersona-ask allowed\n\
                    persona-weak refused\nclone3 38\nio_uring 1\n";
    for uid in [12345, 0] {
        let mut spec = f.shell(script);
        spec.user.uid = uid;
        let ended = f.run(&spec, b"").await;
        assert_eq!(ended.stdout, expected, "uid {uid}: {}", ended.stderr);
    }
}

/// Not even for root, and none can be gained.
pub async fn processes_have_no_capabilities<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let script = "grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status | \
                  tr -d '\\t'; touch /x 2>/dev/null || echo read-only; touch /tmp/x && \
                  touch /home/agent/x && echo writable; hostname; \
                  cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null | head -1";
    for uid in [12345, 0] {
        let mut spec = f.shell(script);
        spec.user.uid = uid;
        let ended = f.run(&spec, b"").await;
        let none = "0000000000000000";
        let expected = format!(
            "CapInh:{none}\nCapPrm:{none}\nCapEff:{none}\nCapBnd:{none}\nCapAmb:{none}\n\
             NoNewPrivs:1\nSeccomp:2\nread-only\nwritable\nbox\n64\n"
        );
        assert_eq!(ended.stdout, expected, "uid {uid}: {}", ended.stderr);
    }
}
