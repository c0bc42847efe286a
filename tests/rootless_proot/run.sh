# Runs a project under proot as a user without rights, in network, mount and PID namespaces that end with it.
# runtime uid gid directory
set -u
runtime=$1 uid=$2 gid=$3 work=$4
mount -t tmpfs none /run
mkdir -p "/run/user/$uid"
chown "$uid:$gid" "/run/user/$uid"
chmod 700 "/run/user/$uid"
umount /sys/fs/cgroup/unified 2> /dev/null
ip link set lo up
ip addr add 10.9.8.1/32 dev lo
user() {
    setpriv --reuid "$uid" --regid "$gid" --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        "XDG_RUNTIME_DIR=/run/user/$uid" "$@"
}
tcp() { perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(PeerAddr => $ARGV[0], Timeout => 5) or die "refused\n"; print <$s>' "$1" 2>&1; }
call() { user timeout 20 "$runtime" --root "/run/user/$uid/runtime" "$@" < /dev/null; }
until_answers() { tries=0; until tcp "$1" | grep -q '^of ' || [ $tries -gt 50 ]; do tries=$((tries + 1)); sleep 0.1; done; }
bundles=$work/bundles

user "$work/bundlegen" build "$work/compose.yaml" > /dev/null || exit 1
user "$work/bundlegen" prepare "$bundles" > /dev/null || exit 1
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "10.9.8.1:7777", Listen => 5) or die; while ($c = $s->accept) { print $c "outside\n"; close $c }' &
cd /
echo "early: $(tcp 127.0.0.1:18080)"
call run -d -b "$bundles/web" web > /run/web 2>&1 || cat /run/web
call run -d -b "$bundles/api" api > /run/api 2>&1 || cat /run/api
until_answers 127.0.0.1:18080
until_answers 127.0.0.1:18443
echo "loopback: $(tcp 127.0.0.1:18080)"
echo "everywhere: $(tcp 10.9.8.1:18080)"
echo "other: $(tcp 127.0.0.1:18443)"
echo "inside: $(tcp 127.0.0.1:80)"
call run -b "$bundles/ask" ask 2>&1
call run -b "$bundles/beside" beside 2>&1
call kill web TERM
tries=0
until call state web | grep -q stopped || [ $tries -gt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
cat /run/web
call delete web
call delete -f api
echo "left: $(ls -A "/run/user/$uid/runtime") $(ps axo args | grep -E '^(/dev/proot|perl -MIO::Socket::INET -e .*SIG)')"
