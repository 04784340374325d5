#!/usr/bin/env bash
# Installs what the tests need and runs all checks of this repository.
# `./test.sh --help` lists the steps.
# shellcheck disable=SC2317,SC2329 # the steps are called by name
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# ---- versions of what is installed beside the Rust toolchain -----------------

CARGO_DENY_VERSION=0.20.2
PYTHON_PACKAGES=("pyarrow==26.0.1" "moto[server]==5.2.5")
PYTHON_IMPORTS="import pyarrow.parquet, moto.server, boto3"

# ---- the steps, in order: name, mode, what it checks -------------------------
# A step NAME is the function step_NAME below. Mode `fast` steps run always,
# `full` steps only without the argument `fast`, `named` steps only if they are named.

STEPS=(
    "fmt|fast|rustfmt has nothing to change"
    "clippy|fast|no compiler or clippy warning, all targets"
    "python|full|pyarrow and moto in a virtual environment, for the tests"
    "test|fast|unit, integration and documentation tests of the workspace"
    "sql|full|tests of the examples with DataFusion (feature sql)"
    "stores|full|tests of io-parquet and dataflow-checkpoint with object stores"
    "kafka|full|tests of io-kafka with real brokers (needs Java; brokers are started and stopped by the tests)"
    "features|full|clippy with all optional features"
    "doc|fast|the API documentation builds without a warning"
    "deny|full|licences, banned crates, sources, advisories (cargo-deny)"
    "nexmark|named|Nexmark's queries cost no more beside their loops than nexmark/bars.json says"
    "model|named|all property tests with 10,000 cases each, for the night"
)

step_fmt() {
    need_component fmt rustfmt
    cargo fmt --all --check
}

step_clippy() {
    need_component clippy clippy
    cargo clippy --workspace --all-targets --locked -- -D warnings
}

step_python() {
    if [[ $DATAFLOW_TEST_PYTHON == "$VENV/bin/python" ]]; then
        with_lock venv make_venv
    fi
    "$DATAFLOW_TEST_PYTHON" -c "$PYTHON_IMPORTS" ||
        die "$DATAFLOW_TEST_PYTHON lacks the modules above." \
            "Unset DATAFLOW_TEST_PYTHON to let this script make a virtual environment," \
            "or install there: ${PYTHON_PACKAGES[*]}"
}

step_test() {
    [[ $MODE == fast ]] || step_python
    cargo test --workspace --locked --no-fail-fast
}

step_model() {
    # Optimised, as there is much to do, but with the assertions and overflow checks of debug builds.
    export CARGO_PROFILE_DEV_OPT_LEVEL=2
    DATAFLOW_MODEL_CASES=${DATAFLOW_MODEL_CASES:-10000} cargo test -p dataflow-tests --locked --no-fail-fast \
        --test model --test model_composed --test model_groupings --test model_programs \
        --test joins --test random_streams --test side_inputs
    PROPTEST_CASES=${PROPTEST_CASES:-10000} cargo test --locked --no-fail-fast \
        -p dataflow-core -p dataflow-windows -p dataflow-derive -p dataflow-exec -p io-text \
        --lib --test key --test trigger_laws --test csv --test lines
}

step_nexmark() {
    cargo run --release --locked --bin nexmark -- --check
}

step_sql() {
    step_python
    cargo test -p examples --features sql --locked --no-fail-fast
}

step_stores() {
    step_python
    cargo test -p io-parquet --all-features --locked --no-fail-fast
    cargo test -p dataflow-checkpoint --features object-store --locked --no-fail-fast --test object_store
}

step_kafka() {
    need_system "Java 17 or later (java)" default-jre-headless has_java
    export DATAFLOW_KAFKA_LIBS="$CACHE/kafka-$(kafka_version)"
    [[ -f $DATAFLOW_KAFKA_LIBS/complete ]] || with_lock kafka fetch_kafka "$DATAFLOW_KAFKA_LIBS"
    cargo test -p io-kafka --features broker-tests --locked --no-fail-fast
}

step_features() {
    need_component clippy clippy
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
}

step_doc() {
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace --locked
}

step_deny() {
    local deny="$TOOLS/cargo-deny-$CARGO_DENY_VERSION/bin/cargo-deny"
    [[ -x $deny ]] || with_lock cargo-deny install_cargo_deny
    "$deny" --workspace --locked check bans licenses sources
    # The advisories are a git repository on GitHub, which not every machine reaches.
    local limit=()
    if command -v timeout >/dev/null; then limit=(timeout 120); fi
    if GIT_TERMINAL_PROMPT=0 "${limit[@]+"${limit[@]}"}" "$deny" --locked fetch db >"$CACHE/advisories.log" 2>&1; then
        "$deny" --workspace --locked check advisories
    else
        echo "advisories NOT CHECKED: the RustSec database cannot be fetched from here (see $CACHE/advisories.log)."
        echo "The other checks of cargo-deny ran; with access to github.com, \`./test.sh deny\` checks all."
    fi
}

# ---- what the steps use ------------------------------------------------------

say() { printf '\n== %s\n' "$*"; }

die() {
    printf 'error: %s\n' "$1" >&2
    shift
    [[ $# -eq 0 ]] || printf '       %s\n' "$@" >&2
    exit 1
}

# with_lock NAME COMMAND…: two runs at once do not install the same thing.
with_lock() {
    local name=$1
    shift
    if command -v flock >/dev/null; then
        (
            flock 9
            "$@"
        ) 9>"$CACHE/$name.lock"
    else
        "$@"
    fi
}

need_component() {
    cargo "$1" --version >/dev/null 2>&1 ||
        die "\`cargo $1\` is missing." "Install it with: rustup component add $2"
}

# need_system WHAT DEBIAN_PACKAGE CHECK…: installs the package where that is possible, else says what is missing.
need_system() {
    local what=$1 package=$2
    shift 2
    "$@" >/dev/null 2>&1 && return 0
    if [[ $MODE == full && $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
        say "installing $package ($what is missing)"
        apt-get update -q >/dev/null || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$package" ||
            die "apt-get could not install $package." "Install $what by hand and run this again."
        "$@" >/dev/null 2>&1 && return 0
    fi
    die "$what is missing." \
        "On Debian or Ubuntu: sudo apt-get install $package" \
        "Elsewhere: install the package that has it, then run this again."
}

has_c_linker() { command -v cc; }
has_make() { command -v make; }
has_java() { java -version 2>&1 | awk -F'"' '/version/ { split($2, v, "."); exit !(v[1] >= 17) }'; }
has_maven() { command -v mvn; }
has_python() { python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; }
has_venv() { python3 -c 'import venv, ensurepip'; }

make_venv() {
    need_system "Python 3.10 or later (python3)" python3 has_python
    need_system "Python's venv module" python3-venv has_venv
    local wanted
    wanted="$(python3 --version) ${PYTHON_PACKAGES[*]}"
    if [[ -x $VENV/bin/python && $(cat "$VENV/installed" 2>/dev/null) == "$wanted" ]]; then
        return 0
    fi
    say "making the virtual environment $VENV"
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "${PYTHON_PACKAGES[@]}" ||
        die "pip could not install ${PYTHON_PACKAGES[*]}." \
            "The tests of other Parquet readers and of S3 need them; ./test.sh fast runs the others."
    echo "$wanted" >"$VENV/installed"
}

kafka_version() { sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' tests/kafka/pom.xml; }

# fetch_kafka FOLDER: the jars of a broker, from Maven Central.
fetch_kafka() {
    [[ -f $1/complete ]] && return 0
    need_system "Maven (mvn)" maven has_maven
    say "fetching the jars of Kafka $(kafka_version) (once, 44 MB)"
    rm -rf "$1"
    mvn -q -B -f tests/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$1" -DincludeScope=runtime ||
        die "Maven could not fetch the jars of Kafka." \
            "The tests of io-kafka need them; ./test.sh fast runs what needs no service."
    touch "$1/complete"
}

install_cargo_deny() {
    local root="$TOOLS/cargo-deny-$CARGO_DENY_VERSION"
    [[ -x $root/bin/cargo-deny ]] && return 0
    say "installing cargo-deny $CARGO_DENY_VERSION (once, about three CPU minutes)"
    # It runs for a second, so it is built to compile fast. A target folder of its own is removed by cargo.
    env -u CARGO_TARGET_DIR -u RUSTFLAGS \
        CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install cargo-deny --quiet --locked --version "$CARGO_DENY_VERSION" --root "$root" ||
        die "cargo could not install cargo-deny $CARGO_DENY_VERSION." "./test.sh fast runs what does not need it."
}

usage() {
    cat <<'EOF'
Usage: ./test.sh [fast] [STEP…]

  ./test.sh           installs what the tests need and runs every step
  ./test.sh fast      runs the steps that need no service and install nothing
  ./test.sh STEP…     runs these steps only, `./test.sh fast test` in fast mode

Steps, those marked * not in fast mode, those marked - only if they are named:
EOF
    local step name mode about
    for step in "${STEPS[@]}"; do
        IFS='|' read -r name mode about <<<"$step"
        case $mode in full) mode='*' ;; named) mode='-' ;; *) mode=' ' ;; esac
        printf '  %s %-9s %s\n' "$mode" "$name" "$about"
    done
    cat <<'EOF'

Everything is kept outside the checkout, in ${XDG_CACHE_HOME:-~/.cache}/dataflow:
  target/   compiled code (CARGO_TARGET_DIR overrides it)
  tools/    cargo-deny
  venv/     Python packages (DATAFLOW_TEST_PYTHON names another interpreter instead)
  kafka-*/  jars of a Kafka broker
EOF
}

# ---- run ---------------------------------------------------------------------

# mode_of STEP: prints its mode, fails where there is no such step.
mode_of() {
    local step name mode
    for step in "${STEPS[@]}"; do
        IFS='|' read -r name mode _ <<<"$step"
        [[ $name == "$1" ]] && echo "$mode" && return 0
    done
    return 1
}

MODE=full
SELECTED=" "
for argument in "$@"; do
    case $argument in
    -h | --help | help)
        usage
        exit 0
        ;;
    fast) MODE=fast ;;
    *)
        mode_of "$argument" >/dev/null || die "there is no step '$argument'." "./test.sh --help lists the steps."
        SELECTED+="$argument "
        ;;
    esac
done
for name in $SELECTED; do
    [[ $MODE == full || $(mode_of "$name") == fast ]] || die "the step '$name' is not part of fast mode."
done

CACHE=${XDG_CACHE_HOME:-${HOME:?set HOME or XDG_CACHE_HOME}/.cache}/dataflow
TOOLS=$CACHE/tools
VENV=$CACHE/venv
mkdir -p "$CACHE" "$TOOLS"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}

# Tests skip what a machine lacks, unless this says that nothing may lack.
if [[ $MODE == full ]]; then
    export DATAFLOW_TEST_FULL=1
    export DATAFLOW_TEST_PYTHON=${DATAFLOW_TEST_PYTHON:-$VENV/bin/python}
else
    unset DATAFLOW_TEST_FULL
fi

command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin
command -v cargo >/dev/null || die "cargo is missing." "Install Rust as https://rustup.rs says, then run this again."
need_system "A C compiler (cc)" build-essential has_c_linker
need_system "make, which librdkafka is built with," build-essential has_make

trap 'exit 130' INT

results=()
failed=0
for step in "${STEPS[@]}"; do
    IFS='|' read -r name mode about <<<"$step"
    [[ $MODE == full || $mode == fast ]] || continue
    [[ ($SELECTED == " " && $mode != named) || $SELECTED == *" $name "* ]] || continue
    say "$name: $about"
    began=$SECONDS
    # In a subshell of its own and not as a condition: bash ignores `set -e` inside conditions.
    set +e
    (
        set -e
        "step_$name"
    )
    status=$?
    set -e
    result=ok
    if [[ $status -ne 0 ]]; then
        result=FAILED
        failed=1
    fi
    results+=("$(printf '%-9s %-7s %7d' "$name" "$result" $((SECONDS - began)))")
done

printf '\n%-9s %-7s %7s\n' step result seconds
printf '%s\n' "${results[@]}"
printf '%-9s %-7s %7d\n' total "$([[ $failed -eq 0 ]] && echo ok || echo FAILED)" "$SECONDS"
exit "$failed"
