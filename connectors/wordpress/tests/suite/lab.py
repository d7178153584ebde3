"""The laboratory: MariaDB, WordPress under PHP's own server, and Indelible, all on loopback and in one temporary
directory, started for one run and stopped by their process ids."""

import atexit
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent.parent
PLUGIN = HERE.parent / "indelible.php"
WORKSPACE = HERE.parent.parent.parent
PACKAGED = pathlib.Path("/usr/share/wordpress")
REVERT_SECRET = "a secret of the laboratory, of 42 characters"


class Lab:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="indelible-wordpress-"))
        self.processes = []
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: exit(1))
        self.binary = binary()

    def close(self):
        for process in reversed(self.processes):
            stop(process)
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, name, command, **options):
        log = open(self.directory / f"{name}.log", "ab")
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **options)
        self.processes.append(process)
        return process

    def database(self):
        data, self.socket = self.directory / "mariadb", self.directory / "mariadb.sock"
        # MariaDB refuses to be root unless told so.
        user = f"--user={'root' if os.geteuid() == 0 else os.environ.get('USER', 'nobody')}"
        run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", user, "--auth-root-authentication-method=normal",
             "--skip-test-db"], cwd=self.directory)
        self.start("mariadb", ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={self.socket}", user, "--skip-networking",
                               f"--pid-file={data}/pid", "--innodb-buffer-pool-size=128M"])
        wait(lambda: self.sql("SELECT 1", "mysql") is not None, "MariaDB", self.directory / "mariadb.log")

    def sql(self, statement, database):
        done = subprocess.run(["mariadb", "--no-defaults", f"--socket={self.socket}", "-uroot", "-N", "-B", database, "-e", statement],
                              capture_output=True, text=True)
        return None if done.returncode else done.stdout.strip()


class Server:
    """Indelible, with a writer's and a reader's token."""

    def __init__(self, lab):
        self.lab, self.port, self.process, self.embedders = lab, free_port(), None, []
        self.data = lab.directory / "log"
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()
        self.reader = self.command("token", "create", "--name", "reader", "--role", "super_admin")
        self.writer = self.command("token", "create", "--name", "wordpress", "--role", "writer")

    def command(self, *arguments):
        return run([self.lab.binary, *arguments, "--data", str(self.data)])

    def embedded_in(self, wordpress):
        """Pages of this WordPress may frame the log from the next start on."""
        self.embedders.append(f"http://{wordpress.host}")

    def start(self):
        environment = os.environ | {"APP__SERVER__EMBED_ORIGINS": ",".join(self.embedders)}
        self.process = self.lab.start("indelible", [self.lab.binary, "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}"], env=environment)
        wait(lambda: self.is_up(), "indelible", self.lab.directory / "indelible.log")

    def is_up(self):
        try:
            return urllib.request.urlopen(self.url + "/healthz", timeout=2).status == 200
        except OSError:
            return False

    def stop(self):
        stop(self.process)
        self.lab.processes.remove(self.process)

    @contextlib.contextmanager
    def away(self):
        """The server is stopped, and started again whatever happens meanwhile."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def site(self, name):
        self.command("site", "create", name)

    def ask(self, path, method="GET", body=None, token=None):
        request = urllib.request.Request(self.url + "/api/v1" + path, method=method, data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", "Bearer " + (token or self.reader))
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read().decode()
                return answer.status, text
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def get(self, path, **query):
        status, text = self.ask(path + ("?" + urllib.parse.urlencode(query) if query else ""))
        assert status == 200, f"{path}: {status} {text}"
        return json.loads(text)

    def tail(self, site, after=-1, **query):
        """Entries by index, from the one after `after`."""
        if after >= 0:
            query["after"] = after
        status, text = self.ask(f"/sites/{site}/entries/tail?" + urllib.parse.urlencode(query))
        assert status == 200, f"{site}: {status} {text}"
        return [json.loads(line) for line in text.splitlines()]

    def entry(self, site, entry):
        return self.get(f"/sites/{site}/entries/{entry}")


class WordPress:
    def __init__(self, lab, server, name, network=False):
        self.lab, self.server, self.name, self.network = lab, server, name, network
        self.root, self.port = lab.directory / name, free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.sites = [name, f"{name}-network", f"{name}-second"] if network else [name]
        for site in self.sites:
            server.site(site)
        shutil.copytree(PACKAGED, self.root, symlinks=False, ignore_dangling_symlinks=True)
        content = self.root / "wp-content"
        shutil.copytree(HERE / "lab/themes", content / "themes", dirs_exist_ok=True)
        shutil.copytree(HERE / "lab/mu-plugins", content / "mu-plugins")
        shutil.copytree(HERE / "rogue", self.root / "rogue")
        (content / "uploads").mkdir(exist_ok=True)
        for directory, _, files in os.walk(content):
            os.chmod(directory, 0o755)
        lab.sql(f"CREATE DATABASE {name}", "mysql")
        self.environment = os.environ | {
            "LAB_PLUGIN": str(PLUGIN), "LAB_HOST": self.host, "LAB_ROOT": str(self.root), "LAB_TESTS": str(HERE), "PHP_CLI_SERVER_WORKERS": "4",
        }
        self.configure()
        self.install("site")
        if network:
            self.install("network")
            self.configure(MULTISITE=True, SUBDOMAIN_INSTALL=False, DOMAIN_CURRENT_SITE=self.host, PATH_CURRENT_SITE="/",
                           SITE_ID_CURRENT_SITE=1, BLOG_ID_CURRENT_SITE=1)
            self.install("second")
        self.serve()

    def configure(self, **more):
        constants = {
            "DB_NAME": self.name, "DB_USER": "root", "DB_PASSWORD": "", "DB_HOST": f"localhost:{self.lab.socket}", "DB_CHARSET": "utf8mb4",
            "DB_COLLATE": "", "FS_METHOD": "direct", "DISABLE_WP_CRON": True, "WP_DEBUG": True, "WP_DEBUG_DISPLAY": False, "WP_DEBUG_LOG": str(self.lab.directory / f"{self.name}-php.log"),
            "AUTOMATIC_UPDATER_DISABLED": True, "WP_HTTP_BLOCK_EXTERNAL": False, **{f"{key}_{kind}": f"{key} {kind} of the laboratory" for key in ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE") for kind in ("KEY", "SALT")}, "WP_CONTENT_DIR": str(self.root / "wp-content"),
            "WP_CONTENT_URL": f"http://{self.host}/wp-content", "INDELIBLE_URL": self.server.url, "INDELIBLE_TOKEN": self.server.writer,
            "INDELIBLE_READER_TOKEN": self.server.reader, "INDELIBLE_SITE": self.name,
            "INDELIBLE_TRUSTED_PROXIES": ["127.0.0.0/8"], "INDELIBLE_REVERT_SECRET": REVERT_SECRET, "INDELIBLE_ADMIN_TOKEN": self.server.reader, "INDELIBLE_OUTBOX_MAX": 200,
        } | more
        lines = [f"define( {php(name)}, {php(value)} );" for name, value in constants.items()]
        lines.append("define( 'INDELIBLE_FAIL_CLOSED', isset( $_SERVER['HTTP_X_LAB_FAIL_CLOSED'] ) );")
        text = "<?php\n" + "\n".join(lines) + "\n$table_prefix = 'wp_';\nif ( ! defined( 'ABSPATH' ) ) {\n\tdefined( 'LAB' ) || define( 'ABSPATH', __DIR__ . '/' );\n}\nrequire_once ABSPATH . 'wp-settings.php';\n"
        (self.root / "wp-config.php").write_text(text)

    def install(self, step):
        self.php(str(HERE / "lab/install.php"), step)

    def php(self, *arguments, check=True, **environment):
        done = subprocess.run(["php", "-d", "display_errors=stderr", *arguments], env=self.environment | environment, capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    def serve(self):
        self.process = self.lab.start(self.name, ["php", "-d", "upload_max_filesize=8M", "-d", "opcache.enable=1",
                                                  "-S", self.host, "-t", str(self.root), str(HERE / "lab/router.php")], env=self.environment)
        def is_up():
            try:
                return urllib.request.urlopen(f"http://{self.host}/wp-login.php", timeout=30).status == 200
            except OSError:
                return False
        wait(is_up, "WordPress", self.lab.directory / f"{self.name}.log")

    def cron(self):
        """What WP-Cron does each minute."""
        self.php(str(HERE / "cron.php"))

    def errors(self):
        log = self.lab.directory / f"{self.name}-php.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def sql(self, statement):
        return self.lab.sql(statement, self.name)


def php(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "array( " + ", ".join(map(php, value)) + " )"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def binary():
    named = os.environ.get("INDELIBLE_BIN")
    built = WORKSPACE / "target/debug/indelible"
    if named:
        return named
    if not built.exists():
        subprocess.run(["cargo", "build", "-p", "indelible", "--locked"], cwd=WORKSPACE, check=True)
    return str(built)


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def stop(process):
    """The process and what it started: it has a session of its own."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(20)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait(is_ready, what, log, seconds=60):
    until = time.monotonic() + seconds
    while not is_ready():
        assert time.monotonic() < until, f"{what} did not start:\n{log.read_text()[-2000:] if log.exists() else ''}"
        time.sleep(0.05)
