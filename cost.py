import resource
import sys
import time
from pathlib import Path

from fervid.video import VideoReader

th = int(sys.argv[2])
kw = eval(sys.argv[3]) if len(sys.argv) > 3 else {}
t = time.time()
with VideoReader(Path(sys.argv[1]), threads=th, **kw) as r:
    n = sum(len(b) for b in r)
c = resource.getrusage(resource.RUSAGE_CHILDREN)
s = resource.getrusage(resource.RUSAGE_SELF)
print(
    n,
    "threads",
    th,
    kw,
    "wall",
    round(time.time() - t, 2),
    "child cpu",
    round(c.ru_utime + c.ru_stime, 2),
    "self cpu",
    round(s.ru_utime + s.ru_stime, 2),
    "child rss MB",
    c.ru_maxrss // 1024,
    "self",
    s.ru_maxrss // 1024,
)
