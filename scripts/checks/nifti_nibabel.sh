#!/bin/sh
# Compares what src/volume/ reads, resamples and writes with nibabel and numpy, on the scans in ../shared/data.
# Run from the project's root; needs Node.js with npm, Python 3 with venv and a package index. Not part of CI.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet nibabel==5.3.2 numpy==2.2.6
npx -y deno@2.9.6 run -A scripts/checks/nifti_nibabel.ts "${1:-../shared/data}" "$work"
"$work/venv/bin/python" scripts/checks/nifti_nibabel.py "$work/manifest.json"
