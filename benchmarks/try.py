import sys, importlib, time
from measure import Figure
t=time.time()
for f in importlib.import_module(sys.argv[1]).measure(sys.argv[2:]==["quick"]):
    print(f"{f.what:<95} {f.value:10.3f} {f.unit:<3} {f.low:10.3f} – {f.high:10.3f} ({f.taken}) {f.limit or ''}", flush=True)
print(time.time()-t)
