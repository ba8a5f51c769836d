#!/bin/sh
# Extracts Asterisk 22, Kamailio 6 and Valkey of Debian's sid into .cache/debian-sid, which git ignores:
# nothing is installed, configured or started. The mirror is that of the machine's own sources. Ends with
# status 0 where it is there already, else as mmdebstrap does.
set -eu
cd "$(dirname "$0")/../.."
tree=.cache/debian-sid
[ ! -e "$tree/complete" ] || exit 0
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
rm -rf "$tree"
mkdir -p "$tree"
# sid's Release file counts as expired soon.
mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
  --aptopt='APT::Install-Recommends "false"' \
  --include=asterisk,kamailio,kamailio-postgres-modules,kamailio-extra-modules,kamailio-utils-modules,kamailio-json-modules,valkey-server \
  sid "$tree" "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main"
# What the packages expect of a system that has been merged.
for link in bin sbin lib lib64; do
  [ -e "$tree/$link" ] || ln -s "usr/$link" "$tree/$link"
done
touch "$tree/complete"
