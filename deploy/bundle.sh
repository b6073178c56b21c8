#!/usr/bin/env bash
# Fills a folder with all that a self-contained wheel of pymypaint holds beside our own code (pymypaint/cmake/bundle.cmake
# says which files), from Debian's packages: the sources of libmypaint and json-c, the brushes, and their licences.
# Runs on Debian and Ubuntu, installs nothing, and needs no root. Usage: deploy/bundle.sh FOLDER
set -euo pipefail
folder=$1
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# The system's own sources with source packages switched on, and lists of our own, so that no system file is touched.
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt"/{sources,lists/partial,got}
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] && sed -n '/^deb /{p;s/^deb /deb-src /p}' "$file" >"$apt/sources/$(basename "$file" .list).list"
done
for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] && sed 's/^Types:.*/Types: deb deb-src/' "$file" >"$apt/sources/$(basename "$file")"
done
options=(-qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/sources" -o Dir::State::lists="$apt/lists"
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
cd "$apt/got"
apt-get "${options[@]}" update || true # a third party's source may be without source packages
apt-get "${options[@]}" source --download-only libmypaint json-c
apt-get "${options[@]}" download mypaint-brushes

rm -rf "$folder"/{libmypaint,json-c,mypaint-data,licenses}
mkdir "$folder"/{libmypaint,json-c,licenses}
for name in libmypaint json-c; do
    tar --extract --file "$name"_*.orig.tar.?z --directory "$folder/$name" --strip-components 1
    tar --extract --file "$name"_*.debian.tar.xz --to-stdout debian/copyright >"$folder/licenses/$name.txt"
done
dpkg-deb --fsys-tarfile mypaint-brushes_*.deb | tar --extract --directory "$apt"
mv "$apt/usr/share/mypaint-data" "$folder"
cp "$apt/usr/share/doc/mypaint-brushes/copyright" "$folder/licenses/mypaint-brushes.txt"
