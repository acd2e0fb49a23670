#!/usr/bin/python3
"""What a newcomer does, through the accessibility tree: from Welcome to a steered answer. Prints TAP.

    drive.py CROSSCOPE CROSSCOPE-CLI

on a virtual display with a session bus. The demo pair is $CROSSCOPE_DEMO or data/demo."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

try:
    from accessible import PATIENCE, NotSeen, Program, description, environment, name, role, walk
    from gi.repository import Atspi
except (ImportError, ValueError) as missing:
    print(f"1..0 # SKIP the accessibility bindings of Python are missing: {missing}")
    sys.exit(0)

TOKENS = 40000
RUN = {"activation_dim": 0, "dict_size": 512, "k": 16, "l1_penalty": 0.05, "batch_size": 512, "lr": 0.001,
       "warmup_steps": 20, "threshold_start_step": 50, "log_every": 5, "snapshot_every": 10, "validate_every": 0}


class Journey:
    def __init__(self, crosscope, cli, folder):
        self.crosscope, self.cli, self.folder = crosscope, cli, folder
        self.program = None

    def start(self, study):
        env = environment(CROSSCOPE_DEMO_STUDY=study, XDG_DATA_HOME=os.path.join(self.folder, "data"))
        self.program = Program([self.crosscope], env, os.path.join(self.folder, "crosscope.log"))
        return self.program

    def stop(self):
        if self.program:
            self.program.kill()
            self.program = None

    # --- 1. Welcome, the demo, and a window closed while it works ---

    def harvest_moves(self):
        self.first = os.path.join(self.folder, "first")
        program = self.start(self.first)
        begun = time.monotonic()
        program.click("Open the", root=program.page("CsWelcomePage"))
        row = program.find("list item", "Harvest activations", 60)
        bars = program.wait(lambda: program.all("progress bar", lambda n: True, row), "the harvest's bar", 60)
        value = program.wait(lambda: bars[0].get_current_value(), "the harvest's first tokens", 60)
        print(f"# the harvest moves {time.monotonic() - begun:.1f} s after the click")
        program.wait(lambda: bars[0].get_current_value() > value, "more tokens", 60)
        page = program.page("CsActivationsPage")
        plot = program.wait(lambda: program.all("image", lambda n: "points" in description(n), page), "the live plot", 60)[0]
        first = description(plot)
        program.wait(lambda: description(plot) != first, "the live plot to move", 60)

    def close_asks_once(self):
        program = self.program
        program.close_window()
        program.find("label", "Stop the Running Jobs?")
        program.close_window()
        program.click("Stop and Close")
        status = program.ended()
        if status != 0:
            raise NotSeen(f"a clean end: the program ended with {status}")
        self.stop()

    def folder_is_whole(self):
        with open(os.path.join(self.first, "study.json"), encoding="utf-8") as file:
            study = json.load(file)
        left = [f for _, _, files in os.walk(self.first) for f in files if f.endswith((".tmp", ".part"))]
        if left:
            raise NotSeen(f"a study without leftovers: {left}")
        # The store opens, and a harvest that asks for less than there is finds whole documents and is done.
        layer = [] if study["layer"] is None else ["--layer", str(study["layer"])]
        corpora = [word for c in study["corpora"] for word in ("--corpus", os.path.join(self.first, c))]
        out = subprocess.run([self.cli, "harvest", "--base", study["base"], "--chat", study["chat"], *layer, *corpora,
                              "--tokens", "1", "--json", "--out", os.path.join(self.first, "activations.h5")],
                             capture_output=True, text=True, timeout=120 * PATIENCE)
        if out.returncode != 0:
            raise NotSeen(f"a store that can go on: {out.stderr.strip()}")
        print(f"# {out.stdout.strip()}")

    # --- 2. A short demo to its end, and a steered answer ---

    def write_short_study(self, folder):
        os.makedirs(os.path.join(folder, "runs"))
        shutil.copytree(os.path.join(self.first, "corpora"), os.path.join(folder, "corpora"))
        with open(os.path.join(self.first, "study.json"), encoding="utf-8") as file:
            study = json.load(file)
        study["max_tokens"] = TOKENS
        with open(os.path.join(folder, "study.json"), "w", encoding="utf-8") as file:
            json.dump(study, file)
        with open(os.path.join(study["chat"], "config.json"), encoding="utf-8") as file:
            d_model = json.load(file)["hidden_size"]
        for variant, dict_class, steps in (("batchtopk", "BatchTopKCrossCoder", 300), ("l1", "CrossCoder", 60)):
            os.makedirs(os.path.join(folder, "runs", f"{variant}-1"))
            config = dict(RUN, variant=variant, dict_class=dict_class, activation_dim=d_model, steps=steps,
                          decay_start=steps * 4 // 5)
            with open(os.path.join(folder, "runs", f"{variant}-1", "config.json"), "w", encoding="utf-8") as file:
                json.dump(config, file)

    def training_is_live(self):
        folder = os.path.join(self.folder, "second")
        self.write_short_study(folder)
        program = self.start(folder)
        program.click("Open the", root=program.page("CsWelcomePage"))
        program.find("list item", "Train batchtopk-1", 60)
        self.show_page(2)
        page = program.page("CsTrainingPage")
        plot = program.find("image", "Loss", 60, page)
        first = program.wait(lambda: re.search(r"[0-9] points?,", description(plot)) and description(plot),
                             "points on the loss plot", 120)
        program.wait(lambda: description(plot) != first, "more points on the loss plot", 60)
        print(f"# {description(plot)}")

    def show_page(self, index):
        self.program.select(self.program.find("list", "Pages"), index)

    def latent_is_read(self):
        program = self.program
        self.show_page(3)
        page = program.page("CsLatentsPage")
        table = program.find("tree table", "", 180, page)
        rows = program.wait(lambda: self.rows(table), "rows of latents", 180)
        cells = rows[0][1]
        print(f"# top row: {cells}")
        # The latent at the top is shown from the start; the second is taken by hand, and then the first again.
        body = rows[0][0].get_parent()
        for row in (1, 0):
            self.latent = rows[row][1][0]
            if not Atspi.Selection.select_child(body, row):
                raise NotSeen(f"row {row} cannot be selected")
            program.find("label", f"Latent {self.latent}", 30, page)
        program.find("label", "Top Examples", 30, page)

    @staticmethod
    def rows(table):
        """(row, texts of its cells) of the first rows that are filled."""
        found = []
        for node, _ in walk(table):
            if role(node) == "table row":
                cells = [name(n) for n, _ in walk(node) if role(n) == "label"]
                if cells and cells[0].isdigit():
                    found.append((node, cells))
            if len(found) == 2:
                return found
        return None

    def answer_is_steered(self):
        program = self.program
        program.click("Steer with", root=program.page("CsLatentsPage"))
        page = program.page("CsSteeringPage")
        program.find("list item", f"{self.latent}", 60, page)
        program.click("Generate", 60, page)
        program.wait(lambda: all(self.answer(pane) for pane in ("Base, plain", "Chat, plain", "Chat, steered")),
                     "texts of base, chat and steered chat", 180)
        for pane in ("Base, plain", "Chat, plain", "Chat, steered"):
            print(f"# {pane}: {self.answer(pane)}")

    def answer(self, pane):
        """The finished text that a pane shows; None while there is none."""
        root = self.program.page("CsSteeringPage")
        for group in self.program.all("panel", lambda n: name(n) == pane, root):
            texts = [name(n) for n, _ in walk(group) if role(n) == "panel" and name(n) not in ("", "GtkStackPage", pane)]
            if texts and texts[0].strip():
                return texts[0].strip()
        return None

    def window_closes(self):
        program = self.program
        program.close_window()

        def ended_or_asked():
            if program.process.poll() is not None:
                return True
            program.click("Stop and Close", 1)
            return True

        try:
            program.wait(ended_or_asked, "the window's end", 30)
        except NotSeen:
            pass  # it has ended, or it is ending
        if program.ended(60) != 0:
            raise NotSeen(f"a clean end: the program ended with {program.process.returncode}")


STEPS = ("harvest_moves", "close_asks_once", "folder_is_whole", "training_is_live", "latent_is_read", "answer_is_steered",
         "window_closes")


def main():
    if len(sys.argv) != 3:
        print("Usage: drive.py CROSSCOPE CROSSCOPE-CLI", file=sys.stderr)
        return 2
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "demo")
    demo = os.environ.get("CROSSCOPE_DEMO", source)
    if not os.path.exists(os.path.join(demo, "chat", "config.json")):
        print("1..0 # SKIP the demo pair is not there")
        return 0
    folder = tempfile.mkdtemp(prefix="crosscope-drive-")
    journey = Journey(sys.argv[1], sys.argv[2], folder)
    failed = None
    print(f"1..{len(STEPS)}", flush=True)
    for number, step in enumerate(STEPS, 1):
        begun = time.monotonic()
        if failed:
            print(f"not ok {number} {step} # not reached", flush=True)
            continue
        try:
            getattr(journey, step)()
            print(f"ok {number} {step}\n# {time.monotonic() - begun:.1f} s", flush=True)
        except Exception as error:  # noqa: BLE001 — whatever went wrong is the test's answer
            failed = error
            print(f"not ok {number} {step}\n# {error}", flush=True)
            if not isinstance(error, NotSeen):
                traceback.print_exc()
    journey.stop()
    with open(os.path.join(folder, "crosscope.log"), encoding="utf-8") as log:
        for line in log:
            print(f"# {line}", end="")
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
