#!/bin/busybox sh
# First process of the virtual machine. The kernel's command line says run=<script in the shared folder>. The host's root
# is the root here, read-only; /mnt and /run are empty file systems of the machine's own; the shared folder is /mnt/out.
# Modules are in /mnt/modules: the script loads simrapl with the registers that it wants. Prints the script's output on
# the console; its exit status is written to /mnt/out/status.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t debugfs debugfs /sys/kernel/debug
mount -t devtmpfs dev /dev
for module in $(cat /order); do
    insmod "/modules/$module" || echo "insmod $module: $?"
done
for word in $(cat /proc/cmdline); do
    case $word in run=*) RUN=${word#run=} ;; esac
done
export RUN
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 root /host || echo "the host's root is not there"
mount -t tmpfs tmpfs /host/mnt && mkdir -p /host/mnt/out /host/mnt/modules /host/mnt/tmp
mount -t tmpfs tmpfs /host/run
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 out /host/mnt/out
cp /modules/* /host/mnt/modules/
for folder in proc sys dev; do mount --move "/$folder" "/host/$folder"; done
mkdir -p /host/dev/shm && mount -t tmpfs tmpfs /host/dev/shm
ifconfig lo 127.0.0.1 up
cat > /host/mnt/last.sh <<'END'
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/mnt TMPDIR=/mnt/tmp LANG=C.UTF-8 sh "/mnt/out/$RUN" < /dev/null > /dev/console 2>&1
echo $? > /mnt/out/status.new && mv /mnt/out/status.new /mnt/out/status
dmesg > /mnt/out/dmesg
sync
echo o > /proc/sysrq-trigger
sleep 60
END
# Not chroot: "/" is then the root of the mount namespace, as everywhere else.
exec switch_root /host /bin/sh /mnt/last.sh
