# Makes requests. `PLACE` is the proxy's HOST:PORT, or `direct`; `ADDRESS` is the server's.
#   load PLACE ADDRESS NAME   times: a line each, with the median in nanoseconds
#   tunnels PLACE ADDRESS NAME COUNT   opens so many, says `open`, and waits for the end of its input
#   reach PLACE ADDRESS NAME   says `refused`, and then `reached` when it is
#   hold PLACE ADDRESS NAME   opens a tunnel, says `open`, and `cut` when it ends
use strict;
use IO::Socket::INET;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);
$| = 1;
my ($what, $place, $address, $name, $count) = @ARGV;
my $is_direct = $place eq 'direct';

sub connected {
    my ($port) = @_;
    my $to = $is_direct ? "$address:$port" : $place;
    return IO::Socket::INET->new(PeerAddr => $to) || die "$to: $!";
}

sub rest {
    my ($socket) = @_;
    my ($length, $got, $chunk) = (0, 0, '');
    $length += $got while $got = sysread($socket, $chunk, 1 << 18);
    die "read: $!" unless defined $got;
    return $length;
}

sub head {
    my ($socket) = @_;
    my ($head, $byte) = ('', '');
    $head .= $byte while $head !~ /\r\n\r\n$/ && sysread($socket, $byte, 1);
    return $head;
}

sub plain {
    my ($path) = @_;
    my $socket = connected(80);
    my $target = $is_direct ? $path : "http://$name$path";
    syswrite $socket, "GET $target HTTP/1.1\r\nHost: $name\r\nConnection: close\r\n\r\n";
    my $head = head($socket);
    return ($head =~ m{^HTTP/1.. 200 }, rest($socket));
}

# A first message of TLS that asks for the name, and then what is wanted.
sub hello {
    my $entry = pack('C n/a', 0, $name);
    my $extension = pack('n n/a', 0, pack('n/a', $entry));
    my $before = "\3\3" . "\0" x 32 . "\0\0\2\x13\1\1\0";
    my $message = "\1\0" . pack('n/a', $before . pack('n/a', $extension));
    return "\x16\3\1" . pack('n/a', $message);
}

sub tunnel {
    my ($path) = @_;
    my $socket = connected(443);
    if (!$is_direct) {
        syswrite $socket, "CONNECT $name:443 HTTP/1.1\r\nHost: $name:443\r\n\r\n";
        my $head = head($socket);
        die $head unless $head =~ m{^HTTP/1.. 200 };
    }
    syswrite $socket, hello() . "$path\n";
    return $socket;
}

sub timed {
    my ($label, $times, $work) = @_;
    my @times;
    for (1 .. $times) {
        my $begin = clock_gettime(CLOCK_MONOTONIC);
        $work->();
        push @times, clock_gettime(CLOCK_MONOTONIC) - $begin;
    }
    @times = sort { $a <=> $b } @times;
    printf "%s %d\n", $label, 1e9 * $times[@times / 2];
}

sub complete {
    my ($is_ok, $length) = @_;
    die "incomplete: $length" unless $is_ok && $length >= 100;
}

if ($what eq 'load') {
    timed('plain', 300, sub { complete(plain('/small')) });
    timed('tunnel', 300, sub { complete(1, rest(tunnel('/small'))) });
    timed('plain-large', 3, sub { complete(plain('/large')) });
    timed('tunnel-large', 3, sub { complete(1, rest(tunnel('/large'))) });
} elsif ($what eq 'tunnels') {
    my @open = map { tunnel('/hold') } 1 .. $count;
    print "open\n";
    rest(\*STDIN);
} elsif ($what eq 'reach') {
    sleep 0.005 while (plain('/small'))[0];
    print "refused\n";
    sleep 0.005 until (plain('/small'))[0];
    print "reached\n";
} elsif ($what eq 'hold') {
    my $socket = tunnel('/hold');
    print "open\n";
    rest($socket);
    print "cut\n";
}
