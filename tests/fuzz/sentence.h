/* What an error of ours has to be: of the program's domain, one line, one sentence that can be shown as it is. */
#pragma once

#include <string.h>

#include <glib.h>

#include "errors.h"

enum { SENTENCE_MIN = 20, SENTENCE_MAX = 1500 };

/* NULL where it is one, or what is wrong with it. */
static inline const char *
sentence_problem (const GError *error)
{
  const char *text, *last = NULL;

  if (error == NULL)
    return "there is no error";
  if (error->domain != CS_ERROR)
    return "it is of another domain";
  text = error->message;
  if (!g_utf8_validate (text, -1, NULL))
    return "it is not UTF-8";
  for (const char *p = text; *p != '\0'; p += g_utf8_skip[(guchar)*p])
    {
      const gunichar c = g_utf8_get_char (p);

      if (g_unichar_iscntrl (c) || c == 0x2028 || c == 0x2029)
        return "it has a line break or another control character";
      last = p;
    }
  if (strlen (text) < SENTENCE_MIN || strlen (text) > SENTENCE_MAX)
    return "it is too short or too long";
  return g_unichar_isspace (g_utf8_get_char (last)) || strchr (",;:-", *last) != NULL ? "it does not end" : NULL;
}

/* For fuzz targets: what was refused was refused with a sentence. */
static inline void
sentence_check (const GError *error)
{
  const char *problem = sentence_problem (error);

  if (problem != NULL)
    g_error ("%s: %s", problem, error != NULL ? error->message : "");
}
