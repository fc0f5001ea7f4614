# Attempts to get out of a sandbox: `attack.pl NAME=VALUE…`. Prints a line for each: its name,
# `out` or `held`, and what happened.
use strict;
use Socket;
$| = 1;
my %given = map { split /=/, $_, 2 } @ARGV;
my $proxy = pack_sockaddr_in(3128, inet_aton('127.0.0.1'));
# There are as many as there are lines.
sub say_it { my ($name, $out, $what) = @_; $what =~ s/\s+/ /g; print "$name\t", ($out ? 'out' : 'held'), "\t", substr($what, 0, 160), "\n" }

# Whoever refuses was reached.
sub reached { my $error = $_[0]; return $error == 111 || $error == 104 }

sub within { my ($seconds, $work) = @_;
    my $result;
    eval { local $SIG{ALRM} = sub { die "silence\n" }; alarm $seconds; $result = $work->(); alarm 0; 1 } or do { alarm 0; return (undef, $@) };
    return ($result, '');
}

sub tcp { my ($address, $port) = @_;
    my ($result, $why) = within(2, sub {
        socket(my $s, PF_INET, SOCK_STREAM, 0) or return [0, "socket: $!"];
        return [1, 'connected'] if connect($s, pack_sockaddr_in($port, inet_aton($address)));
        return [reached($! + 0), "connect: $!"];
    });
    return $result ? @$result : (0, $why);
}

sub question { my ($name) = @_;
    return pack('n6', 0x4321, 0x0100, 1, 0, 0, 0) . join('', map { pack('C/a', $_) } split(/\./, $name)) . "\0" . pack('n2', 1, 1);
}

# Whoever says that there is no such name has asked somebody outside.
sub ask { my ($server, $name) = @_;
    my ($result, $why) = within(3, sub {
        socket(my $s, PF_INET, SOCK_DGRAM, 0) or return [0, "socket: $!"];
        connect($s, pack_sockaddr_in(53, inet_aton($server))) or return [0, "connect: $!"];
        send($s, question($name), 0) or return [0, "send: $!"];
        defined recv($s, my $answer, 512, 0) or return [0, "recv: $!"];
        my $code = ord(substr($answer, 3, 1)) & 15;
        return [$code == 0 || $code == 3, "code $code"];
    });
    return $result ? @$result : (0, $why);
}

# What the proxy answers to these bytes.
sub proxied { my ($text) = @_;
    my ($result, $why) = within(12, sub {
        socket(my $s, PF_INET, SOCK_STREAM, 0) or return "socket: $!";
        connect($s, $proxy) or return "no proxy: $!";
        syswrite($s, $text);
        my $all = '';
        while (sysread($s, my $part, 4096)) { $all .= $part; last if $text =~ /^CONNECT/ && $all =~ /^HTTP\S+ 200.*\r\n\r\n/s }
        return $all;
    });
    return defined $result ? $result : $why;
}

sub connects { my ($target) = @_; return proxied("CONNECT $target HTTP/1.1\r\nHost: $target\r\n\r\n") }
sub through { my ($name, $answer) = @_; my ($first) = split /\r\n/, $answer; say_it($name, scalar($answer =~ /^HTTP\S+ (?:2|3|5)/), $first) }

# Past the proxy
say_it('tcp-internet', tcp($given{internet}, 443));
say_it('udp-internet', ask($given{internet}, $given{allowed}));
say_it('tcp-metadata', tcp('169.254.169.254', 80));
say_it("tcp-machine-$_", tcp($_, $given{port})) for split /,/, $given{machine};
say_it("tcp-machine-closed-$_", tcp($_, 9)) for split /,/, $given{machine};
say_it('tcp-neighbour', tcp($given{neighbour}, $given{neighbour_port})) if $given{neighbour};
open(my $resolv, '<', '/etc/resolv.conf');
my @servers = map { /^nameserver\s+(\d\S+)/ ? $1 : () } <$resolv>;
say_it("dns-$_", ask($_, $given{allowed})) for @servers;
say_it('dns-engine', ask('127.0.0.11', $given{allowed}));
my @found = gethostbyname($given{allowed});
say_it('resolver', scalar(@found) > 0, scalar(@found) . ' fields');
{
    my ($result, $why) = within(2, sub {
        socket(my $s, 10, SOCK_STREAM, 0) or return [0, "socket: $!"];
        my $address = pack('SnN', 10, 443, 0) . pack('n8', 0x2001, 0xdb8, 0, 0, 0, 0, 0, 1) . pack('N', 0);
        return [1, 'connected'] if connect($s, $address);
        return [reached($! + 0), "connect: $!"];
    });
    say_it('ipv6', $result ? @$result : (0, $why));
}
my ($raw, $packet, $vsock);
{
    my ($answer, $why) = within(2, sub {
        socket(my $s, PF_INET, SOCK_DGRAM, 1) or return [0, "socket: $!"];
        my $echo = pack('C2n3', 8, 0, 0xf7ff, 0, 0);
        send($s, $echo, 0, pack_sockaddr_in(0, inet_aton($given{internet}))) or return [0, "send: $!"];
        return [defined recv($s, my $reply, 512, 0), "recv: $!"];
    });
    say_it('icmp', $answer ? @$answer : (0, $why));
}
say_it('raw', socket($raw, PF_INET, SOCK_RAW, 1), "raw socket: $!");
say_it('packet', socket($packet, 17, SOCK_RAW, 0x300), "packet socket: $!");
say_it('vsock', socket($vsock, 40, SOCK_STREAM, 0), "vsock: $!");
say_it('engine-socket', scalar(grep { -e } '/var/run/docker.sock', '/run/docker.sock', '/run/podman/podman.sock'), 'looked');

# Through the proxy
through('name-denied', connects("$given{secret}.$given{denied}:443"));
through('name-below', connects("x.$given{allowed}:443"));
through('name-around', connects("$given{allowed}.$given{denied}:443"));
through('name-above', connects("$given{above}:443"));
through('literal-hostile-ptr', connects("$given{internet}:443"));
through('literal-number', connects('3325256714:443'));
through('literal-ipv6', connects('[2001:db8::1]:443'));
through('literal-ipv6-mapped', connects("[::ffff:$given{internet}]:443"));
through('literal-metadata', connects('169.254.169.254:443'));
through('literal-loopback', connects('127.0.0.1:443'));
through('name-private', connects("$given{private}:443"));
through('name-machine', connects("$given{public_machine}:443"));
through('name-metadata', connects("$given{metadata}:443"));
through('name-loopback', connects("$given{loopback}:443"));
through('port-ssh', connects("$given{allowed}:22"));
through('port-other', connects("$given{allowed}:8443"));
through('port-tunnel-80', connects("$given{allowed}:80"));
through('plain-denied', proxied("GET http://$given{denied}/ HTTP/1.1\r\nHost: $given{denied}\r\n\r\n"));
through('plain-literal', proxied("GET http://$given{internet}/ HTTP/1.1\r\nHost: $given{allowed}\r\n\r\n"));
through('plain-private', proxied("GET http://$given{private}/ HTTP/1.1\r\nHost: $given{private}\r\n\r\n"));
through('plain-port', proxied("GET http://$given{allowed}:8080/ HTTP/1.1\r\nHost: $given{allowed}\r\n\r\n"));
through('tls-by-proxy', proxied("GET https://$given{allowed}/ HTTP/1.1\r\nHost: $given{allowed}\r\n\r\n"));
through('ftp', proxied("GET ftp://$given{allowed}/ HTTP/1.1\r\nHost: $given{allowed}\r\n\r\n"));
through('manager', proxied("GET http://scc-egress/squid-internal-mgr/menu HTTP/1.1\r\nHost: scc-egress\r\n\r\n"));
through('cache-object', proxied("GET cache_object://localhost/menu HTTP/1.0\r\n\r\n"));
through('proxy-itself', proxied("GET http://127.0.0.1:3128/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
{
    my $two = proxied("GET http://$given{allowed}/ HTTP/1.1\r\nHost: $given{allowed}\r\n\r\nCONNECT $given{allowed}:443 HTTP/1.1\r\nHost: $given{allowed}\r\n\r\n");
    my $answers = () = $two =~ /HTTP\/1\.1 \d\d\d/g;
    say_it('second-request', scalar($two =~ /Connection established/), "$answers answers");
}

# Through the proxy, and then for somebody else
sub tls { my ($name, @options) = @_;
    my $output = `printf 'GET /tls HTTP/1.1\\r\\nHost: $given{allowed}\\r\\nConnection: close\\r\\n\\r\\n' | timeout 10 openssl s_client -quiet -ign_eof -proxy 127.0.0.1:3128 -connect $given{allowed}:443 @options 2>&1`;
    say_it($name, scalar($output =~ /the internet says/), $output);
}
tls('sni-wrong', '-servername', $given{denied});
tls('sni-missing', '-noservername');
{
    my ($result, $why) = within(10, sub {
        socket(my $s, PF_INET, SOCK_STREAM, 0) or return "socket: $!";
        connect($s, $proxy) or return "no proxy: $!";
        syswrite($s, "CONNECT $given{allowed}:443 HTTP/1.1\r\n\r\n");
        sysread($s, my $head, 4096);
        syswrite($s, "GET / HTTP/1.0\r\n\r\n");
        my $rest;
        return sysread($s, $rest, 4096) ? "an answer: $rest" : 'cut';
    });
    say_it('tunnel-without-tls', scalar(($result // '') =~ /an answer/), $result // $why);
}

# What has to work
tls('allowed-tls', '-servername', $given{allowed});
my $plain = proxied("GET http://$given{allowed}/ HTTP/1.1\r\nHost: $given{allowed}\r\n\r\n");
say_it('allowed-plain', scalar($plain =~ /the internet says/), $plain);
