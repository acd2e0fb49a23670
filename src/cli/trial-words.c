#include "trial-words.h"

#include <string.h>

#include "harvest.h"

#define MAX_DOCUMENTS 10000000
#define MAX_DRAWS 1000000

void
cs_trial_words_clear (CsTrialWords *w)
{
  cs_pair_words_clear (&w->pair);
  g_strfreev (w->corpora);
  g_free (w->words);
  g_strfreev (w->strings);
}

/* NULL, or what is wrong with the words. */
static const char *
check (const CsTrialWords *w, gint64 layer)
{
  if (w->pair.base == NULL || w->pair.chat == NULL || w->corpora == NULL)
    return "--base, --chat and at least one --corpus are needed.";
  if (layer < -1 || w->documents < 0 || w->documents > MAX_DOCUMENTS || w->max_document < 0 ||
      w->draws < 0 || w->draws > MAX_DRAWS || w->seed < 0 || w->threads < 0 || w->threads > 1024)
    return "Counts cannot be negative; --documents is at most 10000000, --draws 1000000, --threads "
           "1024.";
  return NULL;
}

static bool
is_file (const char *word)
{
  return true;
}

bool
cs_trial_words_parse (CsTrialWords *w,
                      const CsVerb *verb,
                      const GOptionEntry *own,
                      int n_words,
                      int argc,
                      char **argv,
                      int *status)
{
  gint64 layer = -1;
  const GOptionEntry shared[] = {
    CS_PAIR_ENTRIES (&w->pair),
    { "corpus", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->corpora, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT64, &layer, NULL, NULL },
    { "documents", 0, 0, G_OPTION_ARG_INT64, &w->documents, NULL, NULL },
    { "max-document", 0, 0, G_OPTION_ARG_INT64, &w->max_document, NULL, NULL },
    { "draws", 0, 0, G_OPTION_ARG_INT64, &w->draws, NULL, NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &w->seed, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT64, &w->threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
  };
  g_autoptr (GArray) entries = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));
  const char *wrong;

  w->seed = 42;
  g_array_append_vals (entries, shared, G_N_ELEMENTS (shared));
  for (const GOptionEntry *entry = own; entry->long_name != NULL; entry++)
    g_array_append_vals (entries, entry, 1);
  w->strings = cs_cli_repeat_option (&argc, argv, "--corpus", is_file);
  w->words = g_memdup2 (w->strings, ((size_t)argc + 1) * sizeof *w->strings);
  if (!cs_cli_parse (&argc, &w->words, verb, (const GOptionEntry *)(const void *)entries->data,
                     n_words, n_words, status))
    return false;
  w->layer = layer < 0 ? CS_LAYER_MIDDLE : (size_t)layer;
  wrong = check (w, layer);
  if (wrong != NULL)
    *status = cs_cli_usage (verb, wrong);
  return wrong == NULL;
}

bool
cs_trial_layer (const char *chat_folder, size_t *layer, GError **error)
{
  g_autoptr (CsModel) model = NULL;

  if (*layer != CS_LAYER_MIDDLE)
    return true;
  model = cs_model_open (chat_folder, error);
  if (model != NULL)
    *layer = cs_layer_middle (cs_model_config (model)->n_layers);
  return model != NULL;
}
