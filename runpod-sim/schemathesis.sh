#!/usr/bin/env bash
# Lets a property-based HTTP tester, driven by the contract, loose on the simulator: schemathesis, installed with pip into
# the target folder. It fails on a server error, an undocumented status or content type, and an answer that breaks its schema.
#
#     runpod-sim/schemathesis.sh [examples per operation]
set -euo pipefail
cd "$(dirname "$0")/.."
examples=${1:-50}
scratch=target/schemathesis
mkdir -p "$scratch"
[ -x "$scratch/venv/bin/schemathesis" ] || {
    python3 -m venv "$scratch/venv"
    "$scratch/venv/bin/pip" install --quiet schemathesis
}

# The committed documents keep the statuses RunPod names apart, in x-statuses, so that clients stay lenient.
python3 - "$scratch" <<'PYTHON'
import json, sys

def strict(response, status):
    """A response of the committed document as RunPod's own has it for one status."""
    content = response.get("content", {})
    if status[0] in "45d" and "application/json" in content:
        content = {PROBLEM: content["application/json"]}
    return {"description": "", **({"content": content} if content and status != "204" else {})}

for version, PROBLEM in ("v2", "application/problem+json"), ("v1", "application/json"):
    document = json.load(open(f"openapi/{version}.json"))
    for item in document["paths"].values():
        for operation in item.values():
            if not isinstance(operation, dict) or "x-statuses" not in operation:
                continue
            families = operation["responses"]
            statuses = set(operation["x-statuses"])
            if version == "v1":
                # Its document leaves out most of what v1 answers.
                statuses |= {"default"} | ({"200"} if not any(s[0] == "2" for s in statuses) else set())
            operation["responses"] = {
                status: strict(families["4XX" if status == "default" else status[0] + "XX"], status)
                for status in statuses
            }
    for schema in document["components"]["schemas"].values():
        if "x-required" in schema:
            schema["required"] = schema["x-required"]
    json.dump(document, open(f"{sys.argv[1]}/{version}.json", "w"))
PYTHON

cat > "$scratch/sim.toml" <<'TOML'
rate_window = []
real_endpoints = false
terminated_linger_seconds = 1.0
TOML
cargo build --quiet -p runpod-sim
RUST_LOG=error target/debug/runpod-sim --listen 127.0.0.1:0 --seed 1 --time-scale 100 --config "$scratch/sim.toml" \
    > "$scratch/stdout" 2> "$scratch/stderr" &
simulator=$!
trap 'kill $simulator 2>/dev/null || true' EXIT
until grep -q listening "$scratch/stdout"; do kill -0 $simulator; done
url=$(sed 's/listening on //' "$scratch/stdout")

failed=0
run() {
    "$scratch/venv/bin/schemathesis" run "$scratch/$1.json" --url "$url$2" --max-examples "$examples" --seed 1 --workers 2 \
        --header "Authorization: Bearer rpa_SIMULATOR0000000000000000000000000000000" --header "User-Agent: schemathesis/1" \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
        --phases examples,coverage,fuzzing --suppress-health-check all --request-timeout 20 --continue-on-failure "${@:3}" || failed=1
}
# What answers 501 by design is left out, and so is the log, whose success has no end.
run v2 "" --exclude-operation-id-regex 'Cluster|Endpoint|Serverless|Worker|Delegation|listBilling|listNetworkVolumeBilling|Logs'
run v1 /v1 --include-path-regex '^/(pods|networkvolumes)'
curl -s "$url/_sim"
echo
exit $failed
