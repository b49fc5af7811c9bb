"""Answers `gpulint check --interactive` on a pseudo terminal and looks at the files."""

import os
import pty
import select
import sys
import tempfile
import time

PROMPT = b"[q]uit: "
FILES = {
    "a.yaml": "base_model: meta-llama/Llama-2-7b-hf\nsequence_len: 2048\nmicro_batch_size: 16\n"
              "gradient_accumulation_steps: 1\nadapter: qlora\nload_in_4bit: true\nlora_r: 16\n"
              "dataloader_num_workers: 0\ndataloader_prefetch_factor: 2\n",
    "b.yaml": "batch_size: 256\ngradient_accumulation_steps: 1\nnum_workers: 0\nprefetch_factor: 2\n",
}


def session(program, answers):
    """Exit status, everything shown, and the files afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.items():
            with open(os.path.join(folder, name), "w") as f:
                f.write(text)
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.execv(program, [program, "check", "--no-config", "--gpu", "12GB", "--interactive", "."])
        shown, asked, answers = b"", 0, list(answers)
        deadline = time.time() + 30
        while time.time() < deadline:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                block = os.read(terminal, 4096)
            except OSError:
                break
            if not block:
                break
            shown += block
            while shown.count(PROMPT) > asked:
                asked += 1
                os.write(terminal, answers.pop(0) if answers else b"q\n")
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        files = {n: open(os.path.join(folder, n)).read() for n in FILES}
        left = sorted(os.listdir(folder))
        assert left == sorted(FILES), left
        return status, shown.decode(), files, asked


def check(condition, *words):
    if not condition:
        print(*words)
        sys.exit(1)


def main():
    program = os.path.abspath(sys.argv[1])
    status, shown, every, asked = session(program, [b"y\n"] * 20)
    check(every["a.yaml"] != FILES["a.yaml"] and every["b.yaml"] != FILES["b.yaml"], shown)
    check("memory: " in shown and " -> " in shown and "GiB" in shown, "no memory:", shown)
    check("+batch_size: 128" in shown.replace("\r", ""), "no diff:", shown)
    check(asked >= 3, "asked", asked, "times")

    status, shown, files, _ = session(program, [b"n\n"] * 20)
    check(files == FILES and status == 1, "no to all:", status, shown)

    status, shown, files, times = session(program, [b"what\n", b"a\n"])
    check(files == every, "all:", shown)
    check(times == 2, "all asks again")

    status, shown, files, times = session(program, [b"q\n"])
    check(files == FILES and times == 1 and status == 1, "quit:", shown)

    status, shown, files, times = session(program, [b"y\n", b"q\n"])
    check(files != FILES and files != every, "quit after one:", shown)

    status, shown, files, _ = session(program, [b"\x04"])
    check(files == FILES, "end of input:", shown)

    status, shown, files, _ = session(program, [b"y\n", b"\x03"])
    # The first file was done with when the second was asked for.
    check(files["b.yaml"] == FILES["b.yaml"] and status == -2, "interrupt:", status, shown)
    check(files["a.yaml"] in (FILES["a.yaml"], every["a.yaml"]), "interrupt:", files["a.yaml"])


if __name__ == "__main__":
    main()
