#!/bin/sh
# Run within a Debian's root folder: builds Python into /usr/local as the public python images have it, but without
# profile-guided optimization, which takes long and changes no answer. The source is Python's own release, as it is in
# this Debian's source package. What only the build needs is removed again. Usage: python.sh MINOR
set -eu
minor=$1
tools="dpkg-dev gcc libbz2-dev libc6-dev libdb-dev libffi-dev libgdbm-dev liblzma-dev libncurses-dev libreadline-dev
  libsqlite3-dev libssl-dev make uuid-dev xz-utils zlib1g-dev"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
echo "deb-src $mirror $suite main" >/etc/apt/sources.list.d/python.list
apt-get update -q
# shellcheck disable=SC2086 # a list of words
apt-get install -q -y --no-install-recommends $tools

mkdir -p /usr/src/python
cd /usr/src/python
apt-get source -q --download-only "python$minor"
tar -xf "python${minor}"_*.orig.tar.xz --strip-components=1
./configure --build="$(dpkg-architecture --query DEB_BUILD_GNU_TYPE)" --prefix=/usr/local --enable-shared \
  --enable-loadable-sqlite-extensions --enable-option-checking=fatal --with-ensurepip
make -j "$(nproc)" LDFLAGS="-Wl,--strip-all,-rpath='\$\$ORIGIN/../lib'"
make install
ldconfig
find /usr/local -depth \( -type d \( -name test -o -name tests -o -name idle_test -o -name __pycache__ \) \
  -o -name 'libpython*.a' \) -exec rm -rf {} +

cd /
rm -rf /usr/src/python /etc/apt/sources.list.d/python.list
# shellcheck disable=SC2086
apt-mark auto $tools
# Also what other packages recommend or suggest, such as gcc.
apt-get purge -q -y --auto-remove -o APT::AutoRemove::RecommendsImportant=false -o APT::AutoRemove::SuggestsImportant=false
# Every module that is linked with a library of Debian's must find it without the build's packages.
python3 -c "import bz2, ctypes, curses, dbm.gnu, hashlib, lzma, readline, sqlite3, ssl, uuid, zlib"
python3 -m pip --version
