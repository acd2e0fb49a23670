/* Lines of a file, plain or gzip (also several members one after the other), bounded in length. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib-object.h>

#define CS_LINE_MAX_BYTES ((size_t)32 << 20)

typedef struct CsLines CsLines;

CsLines *cs_lines_open (const char *path, GError **error);
void cs_lines_free (CsLines *lines);
/* The first byte that is no white space, without taking it; −1 where there is none in the first
 * block, or on an error (which the next line reports). */
int cs_lines_peek (CsLines *lines);
/* The next line without its end ("\n" or "\r\n"), ended by a NUL that is not counted; owned by
 * lines until the next call. NULL with no error set at the end of the file. A line that holds a NUL
 * or is too long is an error. */
const char *cs_lines_next (CsLines *lines, size_t *size, GError **error);
size_t cs_lines_number (const CsLines *lines); /* of the line that came last, from 1 */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsLines, cs_lines_free)
