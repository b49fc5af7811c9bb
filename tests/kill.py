"""SIGKILL at random instants while a tree is rewritten.

usage: kill.py GPULINT [KILLS [FILES [SEED]]]

Each time `gpulint check --fix` is started over a tree of FILES configs and killed. After each
kill every file must hold the old or the new text, whole; after a run that is let through,
every file is new and no temporary is left.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time


def texts(i):
    """A config, and what it must become. Comments make files of different lengths."""
    noise = "# %s\n" % ("x" * (i * 37 % 5000))
    old = noise + "batch_size: 256\ngradient_accumulation_steps: 1\nnum_workers: 4\n"
    return old, old.replace("256", "128").replace("steps: 1", "steps: 2")


def main():
    program = os.path.abspath(sys.argv[1])
    kills, files, seed = [int(a) for a in sys.argv[2:5] + ["1000", "1000", "1"][len(sys.argv) - 2:]]
    rng = random.Random(seed)
    command = [program, "check", "--fix", "--no-config", "--gpu", "12GB", "-q", "."]
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, "d%d" % (i // 50), "c%d.yaml" % i) for i in range(files)]
        want = [tuple(t.encode() for t in texts(i)) for i in range(files)]
        for i, path in enumerate(paths):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(want[i][0])
        def run():
            return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        start = time.time()
        run().wait()
        whole = time.time() - start
        killed, found, bad = 0, 0, 0
        for k in range(kills):
            # Most files are done after a kill or two: some are set back for the next.
            for i in rng.sample(range(files), files // 2):
                with open(paths[i], "wb") as f:
                    f.write(want[i][0])
            p = run()
            time.sleep(rng.random() * whole)
            killed += p.poll() is None
            p.send_signal(signal.SIGKILL)
            p.wait()
            for i, path in enumerate(paths):
                try:
                    bad += open(path, "rb").read() not in want[i]
                except OSError:
                    bad += 1
            found += sum(n.startswith(".gpulint-") for _, _, names in os.walk(folder) for n in names)
        for i, path in enumerate(paths):  # every folder is written in once more
            with open(path, "wb") as f:
                f.write(want[i][0])
        run().wait()
        bad += sum(open(path, "rb").read() != want[i][1] for i, path in enumerate(paths))
        names = [n for _, _, names in os.walk(folder) for n in names]
        left = sum(n.startswith(".gpulint-") for n in names)
        bad += len(names) - left != files
    print("%d of %d processes killed at work over %d files (a whole run takes %.2f s); temporaries "
          "seen after kills: %d; files lost, cut or half-written: %d; temporaries left after the "
          "next run: %d" % (killed, kills, files, whole, found, bad, left))
    return 1 if bad or left else 0


if __name__ == "__main__":
    sys.exit(main())
