#!/bin/sh
# Builds dfks-rules_VERSION_ARCHITECTURE.deb of wheels: those that `make wheels` has put into dist/.
#
#   deploy/debian/build.sh [WHEELS [TARGET]]     folders; dist and dist by default
#
# PYTHON names the interpreter to build for, python3 by default: the package needs Debian's of the
# same version. Needs dpkg-deb; runs as anybody.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
wheels=${1:-dist} target=${2:-dist} python=${PYTHON:-python3}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

minor=$($python -c 'import sys; print("3.%d" % sys.version_info[1])')
next=$($python -c 'import sys; print("3.%d" % (sys.version_info[1] + 1))')

# A virtual environment that will be /opt/dfks, of Debian's interpreter.
$python -m venv --without-pip "$root/opt/dfks"
$python -m pip --python "$root/opt/dfks/bin/python" install --quiet --disable-pip-version-check \
  --no-index --find-links "$wheels" --no-compile dfks-rules
ln -sf "/usr/bin/python$minor" "$root/opt/dfks/bin/python3"
ln -sf python3 "$root/opt/dfks/bin/python"
ln -sf python3 "$root/opt/dfks/bin/python$minor"
find "$root/opt/dfks/bin" -type f ! -name dfks -delete
rm -rf "$root/opt/dfks/include"
sed -i "1s|^#!.*|#!/opt/dfks/bin/python3|" "$root/opt/dfks/bin/dfks"
printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = %s\n' "$minor" \
  >"$root/opt/dfks/pyvenv.cfg"
version=$("$python" -c "
import importlib.metadata as m, pathlib, sys
one = next(pathlib.Path(sys.argv[1]).glob('lib/python*/site-packages/dfks_rules-*.dist-info'))
print(m.PathDistribution(one).version)" "$root/opt/dfks")
mkdir -p "$root/usr/bin"
ln -s /opt/dfks/bin/dfks "$root/usr/bin/dfks"

mkdir -p "$root/lib/systemd/system" "$root/usr/share/doc/dfks-rules" "$root/DEBIAN"
for unit in dfks.service dfks.socket; do
  # On loopback, as the settings below, until somebody changes both.
  sed -e '/^# Copy to /d' -e 's/0\.0\.0\.0:/127.0.0.1:/' "$here/../systemd/$unit" \
    >"$root/lib/systemd/system/$unit"
done
cp "$here/../../LICENSE" "$root/usr/share/doc/dfks-rules/copyright"
cp "$here/../../CHANGELOG.md" "$root/usr/share/doc/dfks-rules/changelog.md"

# What `dfks init` lays out, with the folders of a service.
PYTHONPATH=$(echo "$root"/opt/dfks/lib/python*/site-packages) \
  $python -m dfks_rules init "$root/etc/dfks" >/dev/null
sed -i -e 's|"sqlite:var/dfks.db"|"sqlite:/var/lib/dfks/dfks.db"|' \
  -e 's|var/policies.json|/var/lib/dfks/policies.json|' \
  -e 's|var/decisions.jsonl|/var/lib/dfks/decisions.jsonl|' \
  -e 's|^# For operators and.*|# MI is for the account `dfks`: sudo -u dfks dfks mi --config /etc/dfks/dfks.yaml …|' \
  -e 's|^# every account of.*|# The HTTP API (/v1, /metrics, /readyz), for who has a token: `dfks token create` first.|' \
  -e 's|^mi: .*|mi: {fifo: {path: /run/dfks/fifo, reply_dir: /run/dfks}}|' \
  -e '/^http: .*/d' "$root/etc/dfks/dfks.yaml"
find "$root" -type d -exec chmod 755 {} +
find "$root/etc/dfks" -type f -exec chmod 644 {} +
# Not a conffile: postinst makes it the server's, with mode 0600.
mkdir -p "$root/usr/share/dfks-rules"
mv "$root/etc/dfks/users.yaml" "$root/usr/share/dfks-rules/users.yaml"
(cd "$root" && find etc -type f | sed 's|^|/|' | sort) >"$root/DEBIAN/conffiles"

arch=all
if find "$root/opt" -name '*.so' | grep -q .; then arch=$(dpkg --print-architecture); fi
cat >"$root/DEBIAN/control" <<CONTROL
Package: dfks-rules
Version: $version
Architecture: $arch
Maintainer: The dfks-rules maintainers <dfks-rules@localhost>
Section: net
Priority: optional
Installed-Size: $(du -sk "$root" | cut -f1)
Depends: python3 (>= $minor), python3 (<< $next), python$minor, adduser | systemd
Recommends: systemd
Description: keeps the feature keys of SIP phones in step with the network
 A SIP presence notifier for BroadSoft Device Feature Key Synchronisation
 (as-feature-event) whose decisions are made by YAML policies. The program
 is a Python environment of its own in /opt/dfks; the command is dfks.
CONTROL
for script in postinst prerm postrm; do
  install -m 755 "$here/$script" "$root/DEBIAN/$script"
done
mkdir -p "$target"
dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$target/dfks-rules_${version}_$arch.deb"
