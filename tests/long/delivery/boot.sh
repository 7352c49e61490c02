# Boots the systemd in the folder $1 as process 1 of its own namespaces, in a cgroup of its own, $2.
set -eu
root=$1 group=$2
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
  if [ -e "$hierarchy/cgroup.procs" ] && mkdir -p "$hierarchy/$group" 2>/dev/null; then
    echo $$ 2>/dev/null >"$hierarchy/$group/cgroup.procs" || true
  fi
done
export root
exec unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child sh -euc '
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
if [ -d /sys/fs/cgroup/systemd ]; then
  mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
  mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
else
  mount -t cgroup2 cgroup2 sys/fs/cgroup
fi
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for one in null zero full random urandom tty; do
  touch dev/$one
  mount --bind /dev/$one dev/$one
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
pivot_root . mnt
umount -l /mnt
export container=other
exec /lib/systemd/systemd --system --log-target=console --show-status=no
'
