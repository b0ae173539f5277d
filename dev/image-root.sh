#!/bin/sh
# Used by both Dockerfiles: takes out of an image's root folder what is only of use for installing software, and
# records our version and compiles our packages. Usage: image-root.sh ROOT VERSION
set -eu
root=$1
version=$2
find "$root/usr/lib" "$root/usr/local/lib" -depth -type d \( \
    -name ensurepip -o -name idlelib -o -name tkinter -o -name turtledemo -o -name lib2to3 -o -name test \
    -o -name pip -o -name 'pip-*' -o -name setuptools -o -name 'setuptools-*' -o -name wheel -o -name 'wheel-*' \
    -o -name pkg_resources \) -path '*python3*' -exec rm -rf {} + 2>/dev/null || true
rm -f "$root"/usr/local/bin/pip* "$root"/usr/bin/pip* "$root"/usr/local/bin/idle* "$root"/usr/local/bin/*-config
rm -rf "$root"/root/.cache "$root"/tmp/* "$root"/var/tmp/*
info=$root/opt/powercap/powercap-$version.dist-info
mkdir -p "$info"
printf 'Metadata-Version: 2.1\nName: powercap\nVersion: %s\nLicense: MIT\n' "$version" >"$info/METADATA"
cp /build/LICENSE "$info/LICENSE"
# By content and not by time: the same sources give the same bytes.
find "$root/opt/powercap" -depth -type d \( -name __pycache__ -o -name tests \) -exec rm -rf {} +
python3 -m compileall -q --invalidation-mode unchecked-hash -s "$root" "$root/opt/powercap"
