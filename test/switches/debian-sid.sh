#!/bin/sh
# Extracts Asterisk 22, Kamailio 6 and Valkey of Debian's sid into .cache/debian-sid, which git
# ignores. Nothing is installed, configured or started. The mirror comes from the machine's sources.
# The exit status is 0 if the tree exists already, else that of mmdebstrap.
set -eu
cd "$(dirname "$0")/../.."
tree=.cache/debian-sid
[ ! -e "$tree/complete" ] || exit 0
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
rm -rf "$tree"
mkdir -p "$tree"
# sid's Release file expires soon.
mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
  --aptopt='APT::Install-Recommends "false"' \
  --include=asterisk,kamailio,kamailio-postgres-modules,kamailio-extra-modules,kamailio-utils-modules,kamailio-json-modules,valkey-server \
  sid "$tree" "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main"
# The packages expect the links of a merged /usr.
for link in bin sbin lib lib64; do
  [ -e "$tree/$link" ] || ln -s "usr/$link" "$tree/$link"
done
touch "$tree/complete"
