#include "corpus-lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <gio/gio.h>

#include "errors.h"

#define BLOCK_BYTES 65536

struct CsLines
{
  char *path;
  int fd;
  GConverter *unpack; /* NULL for a plain file */
  bool member_open;   /* inside a gzip member */
  bool input_ended, ended;
  uint8_t input[BLOCK_BYTES]; /* packed bytes */
  size_t input_at, input_end;
  uint8_t block[BLOCK_BYTES]; /* plain bytes */
  size_t block_at, block_end;
  GByteArray *line;
  size_t number;
};

static bool
read_error (CsLines *lines, int code, const char *reason, GError **error)
{
  g_set_error (error, CS_ERROR, code, "%s: line %zu cannot be read: %s.", lines->path,
               lines->number + 1, reason);
  return false;
}

static bool
read_file (CsLines *lines, uint8_t *into, size_t *n, GError **error)
{
  ssize_t got;

  do
    got = read (lines->fd, into, BLOCK_BYTES);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    return read_error (lines, CS_ERROR_IO, g_strerror (errno), error);
  *n = (size_t)got;
  return true;
}

/* Brings packed bytes; *more false at the end of the file. */
static bool
need_input (CsLines *lines, bool *more, GError **error)
{
  if (lines->input_at == lines->input_end && !lines->input_ended)
    {
      lines->input_at = 0;
      if (!read_file (lines, lines->input, &lines->input_end, error))
        return false;
      lines->input_ended = lines->input_end == 0;
    }
  *more = lines->input_at < lines->input_end;
  return true;
}

/* One step of unpacking, which may give no byte yet. */
static bool
unpack_some (CsLines *lines, GError **error)
{
  g_autoptr (GError) local = NULL;
  gsize taken = 0, given = 0;
  GConverterResult result;
  bool more;

  if (!need_input (lines, &more, error))
    return false;
  if (!more && !lines->member_open)
    {
      lines->ended = true;
      return true;
    }
  /* Without input there may still be bytes that did not fit into the block before. */
  result = g_converter_convert (lines->unpack, lines->input + lines->input_at,
                                lines->input_end - lines->input_at, lines->block, BLOCK_BYTES,
                                more ? G_CONVERTER_NO_FLAGS : G_CONVERTER_INPUT_AT_END, &taken,
                                &given, &local);
  if (result == G_CONVERTER_ERROR)
    return read_error (lines, CS_ERROR_FORMAT,
                       more ? "the compressed data is damaged" : "the compressed file is cut short",
                       error);
  lines->input_at += taken;
  lines->block_end = given;
  lines->member_open = result != G_CONVERTER_FINISHED;
  if (result == G_CONVERTER_FINISHED)
    g_converter_reset (lines->unpack);
  return true;
}

/* Fills the block of plain bytes; empty only at the end. */
static bool
fill_block (CsLines *lines, GError **error)
{
  lines->block_at = lines->block_end = 0;
  while (lines->block_end == 0 && !lines->ended)
    {
      if (lines->unpack != NULL)
        {
          if (!unpack_some (lines, error))
            return false;
          continue;
        }
      if (!read_file (lines, lines->block, &lines->block_end, error))
        return false;
      lines->ended = lines->block_end == 0;
    }
  return true;
}

CsLines *
cs_lines_open (const char *path, GError **error)
{
  g_autoptr (CsLines) lines = g_new0 (CsLines, 1);
  uint8_t magic[2] = { 0 };

  lines->path = g_strdup (path);
  lines->line = g_byte_array_new ();
  lines->fd = open (path, O_RDONLY | O_CLOEXEC);
  if (lines->fd < 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The corpus %s cannot be opened: %s.", path,
                   g_strerror (errno));
      return NULL;
    }
  if (pread (lines->fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b)
    lines->unpack = G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  return g_steal_pointer (&lines);
}

void
cs_lines_free (CsLines *lines)
{
  if (lines == NULL)
    return;
  if (lines->fd >= 0)
    close (lines->fd);
  g_clear_object (&lines->unpack);
  g_byte_array_unref (lines->line);
  g_free (lines->path);
  g_free (lines);
}

int
cs_lines_peek (CsLines *lines)
{
  if (lines->block_at == lines->block_end && !fill_block (lines, NULL))
    return -1;
  for (size_t i = lines->block_at; i < lines->block_end; i++)
    if (!g_ascii_isspace (lines->block[i]))
      return lines->block[i];
  return -1;
}

/* Moves bytes up to a line end into the line; *complete when there was one. */
static bool
take_bytes (CsLines *lines, bool *complete, GError **error)
{
  const uint8_t *from = lines->block + lines->block_at;
  size_t left = lines->block_end - lines->block_at;
  const uint8_t *end = memchr (from, '\n', left);
  size_t n = end != NULL ? (size_t)(end - from) : left;

  if (memchr (from, 0, n) != NULL)
    return read_error (lines, CS_ERROR_FORMAT, "it holds a zero byte, which no text has", error);
  if (lines->line->len + n > CS_LINE_MAX_BYTES)
    return read_error (lines, CS_ERROR_FORMAT, "it is longer than 32 MiB", error);
  g_byte_array_append (lines->line, from, (guint)n);
  lines->block_at += n + (end != NULL);
  *complete = end != NULL;
  return true;
}

const char *
cs_lines_next (CsLines *lines, size_t *size, GError **error)
{
  bool complete = false, any = false;

  g_byte_array_set_size (lines->line, 0);
  while (!complete)
    {
      if (lines->block_at == lines->block_end && !fill_block (lines, error))
        return NULL;
      if (lines->block_at == lines->block_end)
        break;
      any = true;
      if (!take_bytes (lines, &complete, error))
        return NULL;
    }
  if (!any)
    return NULL;
  if (lines->line->len > 0 && lines->line->data[lines->line->len - 1] == '\r')
    g_byte_array_set_size (lines->line, lines->line->len - 1);
  *size = lines->line->len;
  g_byte_array_append (lines->line, (const uint8_t *)"", 1);
  lines->number++;
  return (const char *)lines->line->data;
}

size_t
cs_lines_number (const CsLines *lines)
{
  return lines->number;
}
