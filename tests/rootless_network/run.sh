# Runs a project as a user without rights, in network, mount and PID namespaces that end with it.
# runtime program uid gid directory
set -u
runtime=$1 program=$2 uid=$3 gid=$4 work=$5
mount -t tmpfs none /run
mkdir -p "/run/user/$uid"
chown "$uid:$gid" "/run/user/$uid"
chmod 700 "/run/user/$uid"
umount /sys/fs/cgroup/unified 2> /dev/null
ip link set lo up
ip link add outside0 type veth peer name outside1
ip link set outside0 up
ip link set outside1 up
ip addr add 10.9.9.2/24 dev outside0
ip addr add 10.9.8.1/32 dev outside0
ip route add default via 10.9.9.1
user() {
    setpriv --reuid "$uid" --regid "$gid" --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        "XDG_RUNTIME_DIR=/run/user/$uid" "$@"
}
tcp() { perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(PeerAddr => $ARGV[0], Timeout => 5) or die "refused\n"; print <$s>' "$1" 2>&1; }
udp() { perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(PeerAddr => $ARGV[0], Proto => 17, Type => SOCK_DGRAM) or die; $s->send("hello"); $SIG{ALRM} = sub { print "silence"; exit }; alarm 5; $s->recv($_, 99); print' "$1" 2>&1; }
call() { user timeout 20 "$runtime" --root "/run/user/$uid/runtime" "$@" < /dev/null; }
bundles=$work/bundles

user "$program" build "$work/compose.yaml" > /dev/null || exit 1
user "$program" prepare "$bundles" > /dev/null || exit 1
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "10.9.8.1:7777", Listen => 5) or die; while ($c = $s->accept) { print $c "outside\n"; close $c }' &
cd /
call run -b "$bundles/ask" early > /dev/null 2>&1 && echo 'started without a network'
call run -d -b "$bundles/network" network > "/run/err" 2>&1 || cat /run/err
call run -d -b "$bundles/web" web > /run/err 2>&1 || cat /run/err
tries=0
until [ "$(tcp 127.0.0.1:18080)" = 'of web' ] || [ $tries -gt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
call run -b "$bundles/ask" ask 2>&1
echo "loopback: $(tcp 127.0.0.1:18080)"
echo "bound: $(tcp 10.9.8.1:18080)"
echo "everywhere: $(tcp 127.0.0.1:19000)"
echo "datagram: $(udp 127.0.0.1:15353)"
call delete -f web
cat /run/err >&2
call kill network TERM
tries=0
until call state network | grep -q stopped || [ $tries -gt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
call delete network
echo "left: $(ls -A "/run/user/$uid" | grep -v '^runtime$') $(ps axo args | grep -E '^(pasta|slirp4netns|sleep inf)')"
