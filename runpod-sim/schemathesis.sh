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

cat > "$scratch/sim.toml" <<'TOML'
rate_window = []
real_endpoints = false
terminated_linger_seconds = 1.0
TOML
cargo build --quiet -p runpod-sim
RUST_LOG=error target/debug/runpod-sim --listen 127.0.0.1:0 --seed 1 --time-scale 100 --profile gentle --config "$scratch/sim.toml" \
    > "$scratch/stdout" 2> "$scratch/stderr" &
simulator=$!
trap 'kill $simulator 2>/dev/null || true' EXIT
until grep -q listening "$scratch/stdout"; do kill -0 $simulator; done
url=$(sed -n 's/^listening on //p' "$scratch/stdout")

# The committed documents keep the statuses RunPod names apart, in x-statuses, so that clients stay lenient.
# Ids of things that exist stand in it, so that the tester gets past 404.
python3 - "$scratch" "$url" <<'PYTHON'
import json, sys, urllib.request

scratch, url = sys.argv[1:]
HEADERS = {
    "Authorization": "Bearer rpa_SIMULATOR0000000000000000000000000000000",
    "User-Agent": "schemathesis/1",
    "Content-Type": "application/json",
}
def post(path, body):
    return json.load(urllib.request.urlopen(urllib.request.Request(url + path, json.dumps(body).encode(), HEADERS)))

gpu = {"name": "seed", "image": "ubuntu:24.04", "disk": 20, "gpu": {"id": "NVIDIA L4", "count": 1}, "ports": ["22/tcp", "80/http"]}
cpu = {"name": "seed", "image": "ubuntu:24.04", "disk": 20, "cpu": {"id": "cpu3c", "vcpuCount": 4}}
pods = post("/_sim/pods", {"pod": gpu, "count": 40})["ids"]
pods += post("/_sim/pods", {"pod": gpu, "count": 20, "status": "EXITED"})["ids"]
pods += post("/_sim/pods", {"pod": cpu, "count": 20})["ids"]
pods += post("/_sim/pods", {"pod": gpu, "count": 2, "cluster": "c1"})["ids"]
def many(path, body):
    return [post(path, body)["id"] for _ in range(20)]
volumes = many("/v2/network-volumes", {"name": "seed", "size": 20, "dataCenter": "EU-RO-1"})
templates = many("/v2/templates", {"name": "seed", "image": "ubuntu:24.04"})
registries = many("/v2/registries", {"name": "seed", "username": "u", "password": "p"})
IDS = {
    "/v2/pods": pods, "/pods": pods, "/v2/network-volumes": volumes, "/networkvolumes": volumes,
    "/v2/templates": templates, "/v2/registries": registries,
    "/v2/catalog/gpus": ["NVIDIA L4", "NVIDIA H200", "unknown"], "/v2/catalog/cpus": ["cpu3c", "cpu5m"],
    "/v2/catalog/datacenters": ["EU-RO-1", "US-GA-1"],
}
KNOWN = {
    ("CreateGpuConfig", "id"): ["NVIDIA L4", "NVIDIA GeForce RTX 4090", "AMD Instinct MI300X OAM"],
    ("CreateCpuConfig", "id"): ["cpu3c", "cpu5m"],
    ("CreateCpuConfig", "vcpuCount"): [2, 4, 8],
    ("CreateGpuConfig", "count"): [1, 2, 4],
    ("CreatePodRequest", "templateId"): templates,
    ("CreatePodRequest", "registry"): registries,
    ("UpdatePodRequest", "templateId"): templates,
    ("NetworkMountRequest", "volumeId"): volumes,
    ("CreateNetworkVolumeRequest", "dataCenter"): ["EU-RO-1", "US-GA-1"],
    ("NetworkVolumeCreateInput", "dataCenterId"): ["EU-RO-1", "US-GA-1"],
}

def strict(response, status):
    """A response of the committed document as RunPod's own has it for one status."""
    content = response.get("content", {})
    if status[0] in "45d" and "application/json" in content:
        content = {PROBLEM: content["application/json"]}
    return {"description": "", **({"content": content} if content and status != "204" else {})}

for version, PROBLEM in ("v2", "application/problem+json"), ("v1", "application/json"):
    document = json.load(open(f"openapi/{version}.json"))
    for path, item in document["paths"].items():
        for operation in item.values():
            if not isinstance(operation, dict) or "x-statuses" not in operation:
                continue
            for parameter in operation.get("parameters", []):
                known = IDS.get(path.split("/{")[0])
                if parameter.get("in") == "path" and known:
                    parameter["schema"] = {"type": "string", "enum": known + ["nosuch"]}
            families = operation["responses"]
            statuses = set(operation["x-statuses"])
            if version == "v1":
                # Its document leaves out most of what v1 answers.
                statuses |= {"default"} | ({"200"} if not any(s[0] == "2" for s in statuses) else set())
            operation["responses"] = {
                status: strict(families["4XX" if status == "default" else status[0] + "XX"], status)
                for status in statuses
            }
    for name, schema in document["components"]["schemas"].items():
        if not any(word in name for word in ("Request", "Create", "Update", "Input")):
            # Beside a lone reference in a response the document does not say whether null is possible.
            for field in schema.get("properties", {}).values():
                if len(field.get("allOf", [])) == 1:
                    field["nullable"] = True
        if "x-required" in schema:
            # A template without mounts has no such key.
            schema["required"] = [key for key in schema["x-required"] if (name, key) != ("Template", "mounts")]
    for (name, field), ids in KNOWN.items():
        schema = document["components"]["schemas"].get(name)
        if schema:
            kind = "string" if isinstance(ids[0], str) else "integer"
            schema["properties"][field] = {"type": kind, "enum": ids}
    create = document["components"]["schemas"].get("CreatePodRequest")
    if create:
        # Most orders would break a rule across fields; these do not always.
        create["required"] = ["name", "image", "disk"]
        create["oneOf"] = [{"required": ["gpu"]}, {"required": ["cpu"]}]
        create["properties"]["ports"]["items"]["enum"] = ["22/tcp", "80/http", "53/udp"]
    json.dump(document, open(f"{scratch}/{version}.json", "w"))
PYTHON

failed=0
run() {
    (cd "$scratch" && venv/bin/schemathesis run "$1.json" --url "$url$2" --max-examples "$examples" --seed 1 --workers 1 \
        --header "Authorization: Bearer rpa_SIMULATOR0000000000000000000000000000000" --header "User-Agent: schemathesis/1" \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
        --phases examples,coverage,fuzzing --suppress-health-check all --request-timeout 20 --continue-on-failure "${@:3}") || failed=1
}
# What answers 501 by design is left out, and so is the log, whose success has no end.
run v2 "" --exclude-operation-id-regex 'Cluster|Endpoint|Serverless|Worker|Delegation|listBilling|listNetworkVolumeBilling|Logs'
run v1 /v1 --include-path-regex '^/(pods|networkvolumes)'
curl -s "$url/_sim"
echo
exit $failed
