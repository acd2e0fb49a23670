/* HDF5 files are looked through by a separate program before the HDF5 library opens them here: on a
 * file whose inner structures are damaged the library can read beyond its memory and end the
 * process.
 *
 * The program is crosscope-h5-check: the one that the environment names in CROSSCOPE_H5_CHECK (then
 * no other), the one of the build folder for programs that run from there, or the installed one.
 * Where there is none, files are opened unchecked. Any thread. */
#pragma once

#include <stdbool.h>

#include <glib.h>

/* True where the file at path can be opened, or where opening will say in its own words why not
 * (missing, no permission, a folder). Otherwise CS_ERROR_FORMAT for a damaged file, CS_ERROR_IO for
 * one that another program writes to and where the check could not be run. Takes some 50 ms, and
 * next to nothing for a file that was found good before and has not changed since. Blocks for at
 * most 20 s. */
bool cs_h5_check (const char *path, GError **error);

/* A file that this process writes to is not looked at: its structures are in memory here. owner: any
 * address, the same for both calls. */
void cs_h5_check_begin_writing (const void *owner, const char *path);
void cs_h5_check_end_writing (const void *owner);
