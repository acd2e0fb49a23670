#pragma once

/* Writes STUDY/report.html as a job with a progress line; the exit status. */
int cs_cli_write_report (const char *study);
