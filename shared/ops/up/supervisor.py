"""One supervisord: started, watched and ended by `up`."""

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from shared.local.files import write_private
from shared.local.home import Home
from shared.ops.up.processes import SUPERVISORD, clear_away, marks_of, program_processes
from shared.ops.up.programs import ROOT, Program, UpPart, render_config
from shared.ops.up.warm import GO


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Keeps the programs of one part running."""

    home: Home
    part: UpPart
    programs: Sequence[Program]
    env: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the supervisor, which loads what it can; its programs start when `let_go` says."""
        config = self.home.run / f"supervisor-{self.part}.conf"
        said = render_config(self.part, self.programs, self.home)
        if not config.exists() or config.read_text(encoding="utf-8") != said:
            write_private(config, said)  # there as it is when a full disk took the supervisor
        with (self.home.logs / f"supervisor-{self.part}.err").open("ab") as errors:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, "-m", SUPERVISORD, "--configuration", str(config)],
                cwd=ROOT,
                env={**self.env, **marks_of(self.home, self.part)},
                stdin=subprocess.PIPE,  # open for as long as we live: its end is the end of all
                stdout=subprocess.DEVNULL,
                stderr=errors,  # not ours: who reads that should see its end when we end
                start_new_session=True,  # Ctrl-C is for `up`, which stops everything in order
            )

    def let_go(self) -> None:
        """Start the programs; of no effect on a supervisor that died meanwhile."""
        if self.process is not None and self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.write(GO)
                self.process.stdin.flush()

    def has_ended(self) -> bool:
        """Whether it was started and runs no more; costs next to nothing."""
        return self.process is not None and self.process.poll() is not None

    def revive(self) -> bool:
        """Start again if it has died; what it left running is ended first. True if it did."""
        if not self.has_ended():
            return False
        self._let_loose()
        clear_away(self.home, self.part)
        self.start()
        self.let_go()
        return True

    def running(self) -> dict[str, int]:
        """The process of every program that runs now; none while supervision itself is away."""
        return {} if self.process is None else program_processes(self.process.pid)

    def stop(self) -> None:
        """End the programs and the supervisor; within their patience, then by force."""
        if self.process is not None:
            self.process.terminate()
            try:
                # It looks every second, so a program's patience is over a little late.
                self.process.wait(max(program.patience for program in self.programs) + 1.5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self._let_loose()
        clear_away(self.home, self.part)

    def _let_loose(self) -> None:
        """Close our end of the pipe of one that has ended."""
        if self.process is not None and self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()


def let_go(supervisors: Iterable[Supervisor]) -> None:
    """Start what these keep running."""
    for supervisor in supervisors:
        supervisor.let_go()
