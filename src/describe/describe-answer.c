/* Reading the answers of language models, which may be anything. */
#include <string.h>

#include "describe-prompt.h"

#define MAX_DESCRIPTION 200   /* characters */

/* Drops <think>…</think>, and all that follows a tag that is never closed. */
static char *
without_thoughts (const char *answer)
{
  GString *rest = g_string_new (NULL);
  const char *open;

  while ((open = strstr (answer, "<think>")) != NULL)
    {
      const char *close = strstr (open, "</think>");

      g_string_append_len (rest, answer, open - answer);
      answer = close != NULL ? close + strlen ("</think>") : open + strlen (open);
    }
  /* Some servers keep the opening tag to themselves. */
  open = strstr (answer, "</think>");
  g_string_append (rest, open != NULL ? open + strlen ("</think>") : answer);
  return g_string_free (rest, FALSE);
}

/* The last place where word stands, in any case of ASCII; NULL where it does not. */
static const char *
find_last (const char *text, const char *word)
{
  const size_t n = strlen (word);
  const char *found = NULL;

  for (const char *p = text; *p != '\0'; p++)
    if (g_ascii_strncasecmp (p, word, n) == 0)
      found = p;
  return found;
}

static bool
is_dress (gunichar c)
{
  return g_unichar_isspace (c) || g_unichar_iscntrl (c) || c == '"' || c == '*' || c == '`' || c == 0x201c || c == 0x201d;
}

/* One line without quotes and emphasis around it. */
static char *
undress (const char *line)
{
  const char *start = line, *end = line + strlen (line);
  g_autofree char *inner = NULL, *cut = NULL;

  while (start < end && is_dress (g_utf8_get_char (start)))
    start = g_utf8_find_next_char (start, NULL);
  while (end > start && is_dress (g_utf8_get_char (g_utf8_prev_char (end))))
    end = g_utf8_prev_char (end);
  inner = g_strndup (start, (gsize) (end - start));
  for (char *p = inner; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      *p = ' ';
  if (g_utf8_strlen (inner, -1) <= MAX_DESCRIPTION)
    return g_steal_pointer (&inner);
  cut = g_utf8_substring (inner, 0, MAX_DESCRIPTION - 1);
  return g_strconcat (cut, "…", NULL);
}

static char *
first_line (const char *text)
{
  const char *start = text;

  while (*start != '\0' && is_dress (g_utf8_get_char (start)))
    start = g_utf8_find_next_char (start, NULL);
  return g_strndup (start, strcspn (start, "\r\n"));
}

char *
cs_describe_parse (const char *answer)
{
  g_autofree char *text = g_strstrip (without_thoughts (answer)), *line = NULL, *description = NULL;
  const char *marked = find_last (text, "description:");

  line = first_line (marked != NULL ? marked + strlen ("description:") : text);
  /* Without the word it asks for, only a short line can be meant as a description. */
  if (marked == NULL && (strchr (text, '\n') != NULL || g_utf8_strlen (text, -1) > MAX_DESCRIPTION))
    return NULL;
  description = undress (line);
  return *description != '\0' ? g_steal_pointer (&description) : NULL;
}

static bool
read_list (const char *list, size_t n, bool *verdicts)
{
  const char *p = list + 1;

  for (size_t i = 0; i < n; i++)
    {
      p += strspn (p, " \t\r\n");
      if (*p != '0' && *p != '1')
        return false;
      verdicts[i] = *p++ == '1';
      p += strspn (p, " \t\r\n");
      if (*p++ != (i + 1 < n ? ',' : ']'))
        return false;
    }
  return true;
}

bool
cs_detect_parse (const char *answer, size_t n, bool *verdicts)
{
  g_autofree char *text = without_thoughts (answer);
  const char *list = strrchr (text, '[');

  return list != NULL && n > 0 && read_list (list, n, verdicts);
}
