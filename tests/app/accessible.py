"""A program seen and used through the accessibility tree (AT-SPI), as a screen reader sees and uses it.

Nothing here sleeps and hopes: every step waits for what it needs, and says what it waited for when that never came."""
import os
import signal
import subprocess
import time
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
# The program under test runs with fatal warnings; this process talks to a tree that changes under its hands, and must not.
os.environ.pop("G_DEBUG", None)
import gi  # noqa: E402

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402


# A program under a sanitizer needs several times as long for everything.
PATIENCE = float(os.environ.get("CS_TEST_PATIENCE", "1"))


class NotSeen(Exception):
    pass


def role(node):
    return node.get_role_name()


def name(node):
    return node.get_name() or ""


def description(node):
    return node.get_description() or ""


# Below these nothing is worth a look, unless it is where one starts: a table has thousands of cells, and what the pages
# hold is looked for from the page.
CLOSED = {"scroll bar", "image", "tree table", "list item", "slider", "spin button"}


def is_page(node):
    return role(node) == "filler" and name(node).startswith("Cs") and name(node).endswith("Page")


def walk(node, open_pages=True, depth=0):
    """The node and all below it; a node that goes away meanwhile is left out."""
    yield node, depth
    try:
        if depth > 0 and (role(node) in CLOSED or (not open_pages and is_page(node))):
            return
        count = node.get_child_count()
    except GLib.Error:
        return
    for i in range(min(count, 100)):
        try:
            child = node.get_child_at_index(i)
        except GLib.Error:
            return
        if child is not None:
            yield from walk(child, open_pages, depth + 1)


class Program:
    """A running program and its root in the tree."""

    def __init__(self, command, env, log):
        self.log = open(log, "w", encoding="utf-8")
        self.process = subprocess.Popen(command, env=env, stdout=self.log, stderr=subprocess.STDOUT)
        self.pages = {}
        try:
            self.root = self.wait(self._find_root, "the program on the accessibility bus", 40)
            # Without an event loop of our own a cache would never learn of changes.
            self.root.set_cache_mask(Atspi.Cache.NONE)
        except NotSeen:
            self.kill()
            raise

    def _find_root(self):
        desktop = Atspi.get_desktop(0)
        for i in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(i)
            if child is not None and child.get_process_id() == self.process.pid:
                return child
        return None

    def wait(self, look, what, seconds=30):
        """The first true value of look(), asked again and again."""
        seconds *= PATIENCE
        end = time.monotonic() + seconds
        while True:
            try:
                found = look()
                if found:
                    return found
            except GLib.Error:
                pass  # a node went away while it was read
            if self.process.poll() is not None:
                raise NotSeen(f"the program ended with {self.process.returncode} while waiting for {what}")
            if time.monotonic() > end:
                raise NotSeen(f"{what} did not come in {seconds} s")
            time.sleep(0.1)

    def page(self, page_name):
        """The root of a page ("CsLatentsPage"), which stays the same as long as the window is there."""
        if page_name not in self.pages:
            self.pages.update({name(n): n for n, _ in walk(self.root, False) if is_page(n)})
        return self.pages[page_name]

    def shell(self):
        """The window without what its pages hold."""
        return [n for n, _ in walk(self.root, False)]

    def all(self, role_name, match, root=None):
        nodes = [n for n, _ in walk(root)] if root else self.shell()
        found = []
        for node in nodes:
            try:
                if role(node) == role_name and match(node):
                    found.append(node)
            except GLib.Error:
                pass
        return found

    def find(self, role_name, label, seconds=30, root=None):
        """A node of that role whose name holds the label."""
        return self.wait(lambda: (self.all(role_name, lambda n: label in name(n), root) or [None])[0],
                         f"the {role_name} “{label}”", seconds)

    def click(self, label, seconds=30, root=None):
        def look():
            for node in self.all("push button", lambda n: label in name(n) and n.get_n_actions() > 0, root):
                if node.get_state_set().contains(Atspi.StateType.SENSITIVE):
                    return node
            return None

        node = self.wait(look, f"a button “{label}” that can be pressed", seconds)
        if not node.do_action(0):
            raise NotSeen(f"the button “{label}” did not take the press")

    def close_window(self):
        frame = self.root.get_child_at_index(0)
        names = [frame.get_action_name(i) for i in range(frame.get_n_actions())]
        frame.do_action(names.index("window.close"))

    def select(self, list_node, index):
        if not Atspi.Selection.select_child(list_node, index):
            raise NotSeen(f"row {index} of “{name(list_node)}” cannot be selected")

    def dump(self):
        for node, depth in walk(self.root):
            try:
                text = description(node)
                print("  " * depth + f"{role(node)} “{name(node)[:70]}”" + (f" — {text[:90]}" if text else ""))
            except GLib.Error:
                pass

    def ended(self, seconds=30):
        """Waits for the program's own end; its exit status."""
        seconds *= PATIENCE
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise NotSeen(f"the program has not ended after {seconds} s") from None

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.log.close()


def environment(**more):
    """What the program needs on a bare virtual display."""
    env = dict(os.environ, GSK_RENDERER="cairo", GDK_BACKEND="x11", GDK_DEBUG="gl-disable", GDK_DISABLE="gl",
               GSETTINGS_BACKEND="memory", GIO_USE_VFS="local", ADW_DISABLE_PORTAL="1", LC_ALL="C.UTF-8",
               G_DEBUG="fatal-warnings", **more)
    env.pop("GTK_A11Y", None)
    return env
