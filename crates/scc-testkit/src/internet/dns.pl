# A name server: `dns.pl NAME=ADDRESS…`. `NAME=A,B` gives A at first and B from then on, with no
# time to live. Every address has the name PTR, if that is given. Each question is a line on stdout.
use strict;
use Socket;
$| = 1;
my %zone = map { split /=/, $_, 2 } @ARGV;
my %asked;
socket(my $socket, PF_INET, SOCK_DGRAM, getprotobyname('udp')) or die "socket: $!";
bind($socket, sockaddr_in(53, INADDR_ANY)) or die "bind: $!";
print "ready\n";
while (my $from = recv($socket, my $question, 4096, 0)) {
    my ($at, @labels) = (12);
    while (my $length = ord(substr($question, $at, 1))) {
        push @labels, substr($question, $at + 1, $length);
        $at += $length + 1;
    }
    my $name = lc(join('.', @labels));
    my $type = unpack('n', substr($question, $at + 1, 2));
    my $asked = substr($question, 12, $at + 5 - 12);
    my ($code, $answer) = (3, '');
    if ($type == 12 && $zone{PTR}) {
        my $data = join('', map { pack('C/a', $_) } split(/\./, $zone{PTR})) . "\0";
        ($code, $answer) = (0, pack('n3Nn/a', 0xc00c, 12, 1, 300, $data));
    } elsif (my $addresses = $zone{$name}) {
        $code = 0;
        my @all = split(/,/, $addresses);
        if ($type == 1) {
            my $number = $asked{$name}++;
            my $one = $all[$number > $#all ? $#all : $number];
            $answer = pack('n3Nn/a', 0xc00c, 1, 1, @all > 1 ? 0 : 300, inet_aton($one));
        }
    }
    print "$name $type\n";
    my $head = substr($question, 0, 2) . pack('n5', 0x8180 | $code, 1, $answer ne '' ? 1 : 0, 0, 0);
    send($socket, $head . $asked . $answer, 0, $from);
}
