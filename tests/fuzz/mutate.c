#include "mutate.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_INPUT_BYTES = 1 << 20 };

static const char *const numbers[] = {
  "0", "-1", "1", "2", "4", "255", "65536", "2147483647", "2147483648", "4294967295",
  "4294967296", "4611686018427387904", "9223372036854775807", "9223372036854775808",
  "18446744073709551615", "18446744073709551616", "1e308", "1e999", "-0.0", "0.5", "NaN", "null",
  "true", "{}", "[]", "\"\"",
};

static size_t
position (CsRandom *r, const GByteArray *input)
{
  return cs_random_below (r, input->len + 1);
}

static size_t
at_most (size_t n, size_t limit)
{
  return MIN (n, limit);
}

static void
insert (GByteArray *input, size_t at, const void *bytes, size_t n)
{
  size_t tail = input->len - at;

  if (n == 0)
    return;
  if (n > MAX_INPUT_BYTES - MIN (input->len, MAX_INPUT_BYTES))
    return;
  g_byte_array_set_size (input, (guint) (input->len + n));
  memmove (input->data + at + n, input->data + at, tail);
  memcpy (input->data + at, bytes, n);
}

static void
flip_bit (CsRandom *r, GByteArray *input)
{
  if (input->len > 0)
    input->data[cs_random_below (r, input->len)] ^= (guint8) (1u << cs_random_below (r, 8));
}

static void
set_byte (CsRandom *r, GByteArray *input)
{
  static const char interesting[] = "\0\xff\x7f\x80\"\\{}[],:0-";

  if (input->len > 0)
    input->data[cs_random_below (r, input->len)] =
      (guint8) interesting[cs_random_below (r, sizeof interesting - 1)];
}

static void
cut_end (CsRandom *r, GByteArray *input)
{
  g_byte_array_set_size (input, (guint) position (r, input));
}

static void
cut_out (CsRandom *r, GByteArray *input)
{
  size_t begin = position (r, input);
  size_t n = at_most (cs_random_below (r, 64), input->len - begin);

  if (n > 0)
    g_byte_array_remove_range (input, (guint) begin, (guint) n);
}

/* Some bytes of the input once more, at another place. */
static void
repeat (CsRandom *r, GByteArray *input)
{
  size_t begin = position (r, input);
  size_t n = at_most (cs_random_below (r, 256), input->len - begin);
  g_autofree guint8 *copy = n > 0 ? g_memdup2 (input->data + begin, n) : NULL;

  if (n > 0)
    insert (input, position (r, input), copy, n);
}

static void
insert_number (CsRandom *r, GByteArray *input)
{
  const char *number = numbers[cs_random_below (r, G_N_ELEMENTS (numbers))];

  insert (input, position (r, input), number, strlen (number));
}

/* A run of digits becomes another number, which keeps the text around it well-formed. */
static void
replace_number (CsRandom *r, GByteArray *input)
{
  const char *number = numbers[cs_random_below (r, G_N_ELEMENTS (numbers))];
  size_t begin = position (r, input), end;

  while (begin < input->len && !g_ascii_isdigit (input->data[begin]))
    begin++;
  for (end = begin; end < input->len && g_ascii_isdigit (input->data[end]);)
    end++;
  if (begin == end)
    return;
  g_byte_array_remove_range (input, (guint) begin, (guint) (end - begin));
  insert (input, begin, number, strlen (number));
}

/* A little-endian integer of 1, 2, 4 or 8 bytes, small or at an edge, over what was there. */
static void
set_integer (CsRandom *r, GByteArray *input)
{
  size_t n = (size_t) 1 << cs_random_below (r, 4);
  guint64 value = ((guint64) 1 << cs_random_below (r, 64)) - cs_random_below (r, 3);

  value = GUINT64_TO_LE (value);
  if (input->len >= n)
    memcpy (input->data + cs_random_below (r, input->len - n + 1), &value, n);
}

void
fuzz_change (CsRandom *r, GByteArray *input)
{
  static void (*const changes[]) (CsRandom *, GByteArray *) = {
    flip_bit,      set_byte,       cut_end,        cut_out,     repeat,
    insert_number, replace_number, replace_number, set_integer,
  };

  changes[cs_random_below (r, G_N_ELEMENTS (changes))] (r, input);
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
fuzz_load_seeds (const char *folder)
{
  GPtrArray *seeds = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  g_ptr_array_add (seeds, g_byte_array_new ());
  if (dir == NULL)
    return seeds;
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_build_filename (folder, name, NULL));
  g_dir_close (dir);
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    {
      char *content;
      size_t size;

      if (g_file_get_contents (g_ptr_array_index (names, i), &content, &size, NULL))
        g_ptr_array_add (seeds, g_byte_array_new_take ((guint8 *) content, size));
    }
  return seeds;
}
