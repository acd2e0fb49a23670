#include "errors.h"
#include "pair.h"

CsPairSource *
cs_pair_source_new (const char *base_folder, const char *chat_folder, const CsPairReading *reading)
{
  CsPairSource *source = g_atomic_rc_box_new0 (CsPairSource);

  source->folder[0] = g_strdup (base_folder);
  source->folder[1] = g_strdup (chat_folder);
  if (reading != NULL)
    {
      source->date = g_strdup (reading->date);
      source->base_replacements = g_strdup (reading->base_replacements);
    }
  return source;
}

static void
clear (void *data)
{
  CsPairSource *source = data;

  g_free (source->folder[0]);
  g_free (source->folder[1]);
  g_free (source->date);
  g_free (source->base_replacements);
}

CsPairSource *
cs_pair_source_ref (CsPairSource *source)
{
  return g_atomic_rc_box_acquire (source);
}

void
cs_pair_source_unref (CsPairSource *source)
{
  g_atomic_rc_box_release_full (source, clear);
}

CsPairSource *
cs_pair_source_elsewhere (const CsPairSource *source,
                          const char *base_folder,
                          const char *chat_folder)
{
  return cs_pair_source_new (base_folder, chat_folder,
                             &(CsPairReading){ source->date, source->base_replacements });
}

bool
cs_pair_source_equal (const CsPairSource *a, const CsPairSource *b)
{
  return a == b || (a != NULL && b != NULL && g_strcmp0 (a->folder[0], b->folder[0]) == 0 &&
                    g_strcmp0 (a->folder[1], b->folder[1]) == 0 &&
                    g_strcmp0 (a->date, b->date) == 0 &&
                    g_strcmp0 (a->base_replacements, b->base_replacements) == 0);
}

CsPair *
cs_pair_source_open (const CsPairSource *source, GError **error)
{
  const CsPairReading reading = { source->date, source->base_replacements };

  if (source->folder[0] != NULL && source->folder[1] != NULL)
    return cs_pair_open (source->folder[0], source->folder[1], &reading, error);
  g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                       "Choose the folders of a base and a chat model first.");
  return NULL;
}
