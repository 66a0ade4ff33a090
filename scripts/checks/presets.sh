#!/bin/sh
# Compares masks of networks imported with the files of MONAI bundles and of nnU-Net to the masks that these frameworks make
# themselves, on the scans in ../shared/data. Trains seven small networks first: about half an hour on two cores.
# Run from the project's root; needs Node.js with npm, Python 3 with venv and a package index. Not part of CI.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch monai==1.6.1 nnunetv2==2.8.1 onnx nibabel
"$work/venv/bin/python" scripts/checks/presets.py "${1:-../shared/data}" "$work/cases"
npx -y deno@2.9.6 run -A scripts/checks/presets.ts "$work/cases"
