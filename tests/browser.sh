#!/bin/sh
# Chromium for the tests of the page. Where it cannot be had the tests are skipped, and this says why.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing Chromium from Debian's packages…"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null && exit 0
fi
echo "No Chromium here, and it cannot be installed without root on Debian or Ubuntu:"
echo "the tests of the page will be skipped. Install Chromium or Chrome to run them."
exit 0
