#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file-error.h"
#include "file-replace.h"

enum { DEFAULT_MAX_BYTES = 256 * 1024 * 1024 };
/* The digits of INT64_MAX: an integer with fewer always fits. */
enum { INT64_DIGITS = 19 };

static bool
is_digit (char c)
{
  return c >= '0' && c <= '9';
}

/* Whether the digits at `digits` (n of them, perhaps after a '-') do not fit an int64. */
static bool
is_too_big (const char *digits, size_t n, bool negative)
{
  const char *limit = negative ? "9223372036854775808" : "9223372036854775807";

  return n > INT64_DIGITS || (n == INT64_DIGITS && memcmp (digits, limit, INT64_DIGITS) > 0);
}

/* Integers beyond 64 bits stand in real files (tokenizer_config.json says "model_max_length": 1e30
 * in full); jansson refuses them. They become reals: ".0" is put after their digits. */
static GString *
mark_big_integers (const char *text, size_t size)
{
  GString *out = g_string_sized_new (size + 16);
  bool in_string = false;

  for (size_t i = 0; i < size;)
    {
      size_t begin = i++;
      char c = text[begin];

      if (in_string && c == '\\' && i < size)
        i++;
      else if (c == '"')
        in_string = !in_string;
      else if (!in_string && is_digit (c))
        {
          bool integer = begin == 0 || strchr (".eE+", text[begin - 1]) == NULL;

          while (i < size && is_digit (text[i]))
            i++;
          g_string_append_len (out, text + begin, (gssize) (i - begin));
          if (integer && (i == size || strchr (".eE", text[i]) == NULL) &&
              is_too_big (text + begin, i - begin, begin > 0 && text[begin - 1] == '-'))
            g_string_append (out, ".0");
          continue;
        }
      g_string_append_len (out, text + begin, (gssize) (i - begin));
    }
  return out;
}

static json_t *
parse (const char *text, size_t size, size_t flags, const char *name, GError **error)
{
  json_error_t problem;
  json_t *value = json_loadb (text, size, flags, &problem);

  if (value == NULL && json_error_code (&problem) == json_error_numeric_overflow)
    {
      GString *marked = mark_big_integers (text, size);

      value = json_loadb (marked->str, marked->len, flags, &problem);
      g_string_free (marked, TRUE);
    }
  if (value == NULL)
    cs_file_error (error, CS_ERROR_FORMAT,
                   "%s is not valid JSON (line %d, column %d: %s): repair or replace the file",
                   name, problem.line, problem.column, problem.text);
  return value;
}

json_t *
cs_json_parse (const char *text, size_t size, const char *name, GError **error)
{
  return parse (text, size, JSON_DECODE_ANY, name, error);
}

json_t *
cs_json_parse_nul (const char *text, size_t size, const char *name, GError **error)
{
  return parse (text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, name, error);
}

static bool
read_all (int fd, char *buffer, size_t size)
{
  size_t done = 0;

  while (done < size)
    {
      ssize_t n = read (fd, buffer + done, size - done);

      if (n < 0 && errno == EINTR)
        continue;
      if (n == 0)
        errno = EIO; /* shorter than a moment ago */
      if (n <= 0)
        return false;
      done += (size_t) n;
    }
  return true;
}

static bool
check_size (int fd, const char *path, size_t max_bytes, size_t *size, GError **error)
{
  struct stat info;

  if (fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    {
      cs_file_error (error, CS_ERROR_IO, "%s is not a file: choose a JSON file", path);
      return false;
    }
  if ((uintmax_t) info.st_size > max_bytes)
    {
      cs_file_error (
          error, CS_ERROR_FORMAT,
          "%s has %ju bytes, more than the %zu that such a file may have: check that it is "
          "the right file",
          path, (uintmax_t)info.st_size, max_bytes);
      return false;
    }
  *size = (size_t) info.st_size;
  return true;
}

static bool
read_file (int fd, const char *path, size_t max_bytes, char **text, size_t *size, GError **error)
{
  if (!check_size (fd, path, max_bytes, size, error))
    return false;
  *text = g_try_malloc (*size + 1);
  if (*text == NULL)
    errno = ENOMEM;
  if (*text == NULL || !read_all (fd, *text, *size))
    {
      cs_file_error (error, CS_ERROR_IO, "%s cannot be read (%s): check the file", path,
                     g_strerror (errno));
      return false;
    }
  (*text)[*size] = '\0';
  return true;
}

json_t *
cs_json_load (const char *path, size_t max_bytes, GError **error)
{
  g_autofree char *text = NULL;
  size_t size = 0;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  bool good;

  if (fd < 0)
    {
      cs_file_error (error, CS_ERROR_IO,
                     "%s cannot be opened (%s): check the path and its permissions", path,
                     g_strerror (errno));
      return NULL;
    }
  good = read_file (fd, path, max_bytes > 0 ? max_bytes : DEFAULT_MAX_BYTES, &text, &size, error);
  close (fd);
  return good ? cs_json_parse (text, size, path, error) : NULL;
}

static int
append_to_string (const char *buffer, size_t size, void *data)
{
  g_string_append_len (data, buffer, (gssize) size);
  return 0;
}

bool
cs_json_save (json_t *value, const char *path, GError **error)
{
  GString *text = g_string_new (NULL);
  bool good =
    json_dump_callback (value, append_to_string, text, JSON_INDENT (2) | JSON_ENCODE_ANY) == 0;

  if (good)
    {
      g_string_append_c (text, '\n');
      good = cs_file_replace_contents (path, text->str, text->len, error);
    }
  else
    cs_file_error (error, CS_ERROR_USAGE, "%s cannot be written: the value is no JSON", path);
  g_string_free (text, TRUE);
  return good;
}

/* Sets *value to the member, or to NULL where it is missing or null. */
static bool
look_up (json_t *object, const char *name, const char *key, json_t **value, GError **error)
{
  *value = NULL;
  if (object == NULL)
    return true;
  if (!json_is_object (object))
    {
      cs_file_error (error, CS_ERROR_FORMAT,
                     "%s has no object where \"%s\" is looked for: repair or replace the file",
                     name, key);
      return false;
    }
  *value = json_object_get (object, key);
  if (json_is_null (*value))
    *value = NULL;
  return true;
}

static bool
refuse (const char *name, const char *key, const char *expected, GError **error)
{
  cs_file_error (error, CS_ERROR_FORMAT, "%s: \"%s\" has to be %s: correct it in the file", name,
                 key, expected);
  return false;
}

bool
cs_json_get_size (json_t *object, const char *name, const char *key, size_t min, size_t max,
                  size_t fallback, size_t *out, GError **error)
{
  json_t *value;
  json_int_t number = -1;

  if (!look_up (object, name, key, &value, error))
    return false;
  if (value == NULL)
    {
      *out = fallback;
      return true;
    }
  if (json_is_integer (value))
    number = json_integer_value (value);
  if (number < 0 || (uintmax_t) number < min || (uintmax_t) number > max)
    {
      g_autofree char *expected = g_strdup_printf ("a whole number from %zu to %zu", min, max);

      return refuse (name, key, expected, error);
    }
  *out = (size_t) number;
  return true;
}

bool
cs_json_get_double (json_t *object, const char *name, const char *key, double fallback, double *out,
                    GError **error)
{
  json_t *value;

  if (!look_up (object, name, key, &value, error))
    return false;
  if (value != NULL && !json_is_number (value))
    return refuse (name, key, "a number", error);
  *out = value != NULL ? json_number_value (value) : fallback;
  return true;
}

bool
cs_json_get_bool (json_t *object, const char *name, const char *key, bool fallback, bool *out,
                  GError **error)
{
  json_t *value;

  if (!look_up (object, name, key, &value, error))
    return false;
  if (value != NULL && !json_is_boolean (value))
    return refuse (name, key, "true or false", error);
  *out = value != NULL ? json_is_true (value) : fallback;
  return true;
}

bool
cs_json_get_string (json_t *object, const char *name, const char *key, const char *fallback,
                    const char **out, GError **error)
{
  json_t *value;

  if (!look_up (object, name, key, &value, error))
    return false;
  if (value != NULL && !json_is_string (value))
    return refuse (name, key, "a string", error);
  *out = value != NULL ? json_string_value (value) : fallback;
  return true;
}
