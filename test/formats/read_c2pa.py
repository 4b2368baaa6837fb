# Reads the C2PA manifests of files with c2pa-python: python read_c2pa.py ANCHORS FILE...
# ANCHORS are the certificates of trusted issuers. Prints a line of JSON for each file: its state, what does not hold, its manifest.
import json
import sys

import c2pa

with open(sys.argv[1], encoding="ascii") as file:
    trust = {"user_anchors": file.read()}
settings = {"trust": trust, "verify": {"verify_trust": True, "remote_manifest_fetch": False}}

for name in sys.argv[2:]:
    try:
        with c2pa.Reader(name, context=c2pa.Context(c2pa.Settings.from_dict(settings))) as reader:
            store = json.loads(reader.json())
    except c2pa.C2paError as error:
        print(json.dumps({"file": name, "error": str(error)}))
        continue
    faults = [fault["code"] for fault in store.get("validation_status", [])]
    manifest = store["manifests"][store["active_manifest"]]
    print(json.dumps({"file": name, "state": store["validation_state"], "faults": faults, "manifest": manifest}))
