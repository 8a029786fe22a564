"""named, knotd and nsd with zones from files, on a free port of 127.0.0.1 each.

    with Authoritative("knotd", {"example": path}, directory) as peer:
        peer.port
"""

import shutil
import subprocess

import dns.exception

import tandem

NAMES = ["named", "knotd", "nsd"]


class Authoritative:
    def __init__(self, name, files, directory):
        self.name, self.port, self.process, self.zone_names = name, tandem.free_port(), None, list(files)
        self.directory = directory / name
        self.directory.mkdir()
        for zone, file in files.items():
            shutil.copy(file, self.path(zone))

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *what):
        self.stop()

    def path(self, zone):
        return self.directory / ("root" if zone == "." else zone)

    def zones(self, form):
        return "".join(form.format(zone=zone, file=self.path(zone)) for zone in self.zone_names)

    def start(self):
        config, log_file = self.directory / "config", self.directory / "log"
        config.write_text(getattr(self, "config_" + self.name)())
        with open(log_file, "w") as log:
            self.process = subprocess.Popen(getattr(self, "command_" + self.name)(str(config)), stdout=log, stderr=log,
                                            cwd=self.directory)
        tandem.wait_for(self.answers, f"{self.name} answers", about=log_file.read_text)

    def answers(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            return all(tandem.ask(self.port, zone, "SOA", timeout=1).answer for zone in self.zone_names)
        except (OSError, dns.exception.Timeout):
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=20)

    def config_named(self):
        return f"""options {{ directory "{self.directory}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
            recursion no; minimal-responses yes; zero-no-soa-ttl no; dnssec-validation no; pid-file none; session-keyfile none;
            notify no; allow-transfer {{ none; }}; }};
            controls {{ }};
            """ + self.zones('zone "{zone}" {{ type primary; file "{file}"; check-names ignore; check-integrity no; }};\n')

    def command_named(self, config):
        return ["named", "-g", "-c", config, "-p", str(self.port), "-n", "1"]

    def config_knotd(self):
        return f"""server:
    listen: 127.0.0.1@{self.port}
    rundir: {self.directory}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {self.directory}/db
template:
  - id: default
    storage: {self.directory}
    zonefile-load: whole
    journal-content: none
    semantic-checks: soft
zone:
""" + self.zones('  - domain: "{zone}"\n    file: {file}\n')

    def command_knotd(self, config):
        return ["knotd", "-c", config]

    def config_nsd(self):
        return f"""server:
    ip-address: 127.0.0.1@{self.port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{self.directory}"
    pidfile: "{self.directory}/pid"
    xfrdfile: "{self.directory}/xfrd"
    xfrdir: "{self.directory}"
    zonelistfile: "{self.directory}/zonelist"
    database: ""
    logfile: ""
    minimal-responses: yes
    refuse-any: no
remote-control:
    control-enable: no
""" + self.zones('zone:\n    name: "{zone}"\n    zonefile: "{file}"\n')

    def command_nsd(self, config):
        return ["nsd", "-d", "-c", config]
