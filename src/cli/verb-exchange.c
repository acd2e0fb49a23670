/* import, export. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "errors.h"
#include "json.h"
#include "latents-exchange.h"
#include "memmap-cache.h"
#include "pair.h"

static int run_import (int argc, char **argv);
static int run_export (int argc, char **argv);

const CsVerb cs_verbs_exchange[] = {
  { "import",
    "PATH --out RUN [--attach feature_df.csv] [--examples examples.db] [--scale BASE,CHAT] "
    "[--layer L] | BASE_CACHE "
    "CHAT_CACHE --out STORE.h5 [--json]",
    "Takes in a crosscoder or a pair of activation caches made elsewhere", run_import },
  { "export",
    "RUN --format hub|csv|neuronpedia|gguf --out PATH [--latent ID] [--model base|chat] [--layer "
    "L] [--base DIR] [--chat DIR] "
    "[--activations F.h5] [--labels FILE] | STORE.h5 --format memmap --out DIR [--json]",
    "Writes a run, a latent or a store for other tools", run_export },
  { NULL, NULL, NULL, NULL },
};
enum
{
  VERB_IMPORT,
  VERB_EXPORT
};

/* --- import --- */

typedef struct
{
  const char *path, *chat_cache;
  char *out, *table, *examples, *scale;
  gint64 layer;
  gboolean json;
  CsImportOptions options;
  char **notes;
} Import;

static void
import_clear (Import *w)
{
  g_free (w->out);
  g_free (w->table);
  g_free (w->examples);
  g_free (w->scale);
  g_strfreev (w->notes);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Import, import_clear)

static bool
import_job (CsJob *job, void *data, GError **error)
{
  Import *w = data;
  if (w->chat_cache)
    return cs_memmap_import (job, w->path, w->chat_cache, w->out, error);
  return cs_import_run (job, w->path, w->out, &w->options, w->table, w->examples, &w->notes, error);
}

/* "0.21,0.19" */
static bool
parse_scale (const char *text, double scale[2])
{
  char *end = NULL;
  scale[0] = g_ascii_strtod (text, &end);
  if (end == text || *end != ',')
    return false;
  text = end + 1;
  scale[1] = g_ascii_strtod (text, &end);
  return end != text && *end == '\0' && scale[0] > 0 && scale[1] > 0;
}

static int
print_import (const Import *w)
{
  g_autoptr (GError) error = NULL;
  if (w->json)
    {
      json_t *notes = json_array ();
      for (char **note = w->notes; note && *note; note++)
        json_array_append_new (notes, cs_cli_string (*note));
      cs_cli_print_json (json_pack ("{s:o, s:o}", "out", cs_cli_string (w->out), "notes", notes));
      return CS_EXIT_DONE;
    }
  printf ("%s\n", w->out);
  for (char **note = w->notes; note && *note; note++)
    printf ("%s\n", *note);
  return CS_EXIT_DONE;
}

static int
run_import (int argc, char **argv)
{
  const CsVerb *verb = &cs_verbs_exchange[VERB_IMPORT];
  g_auto (Import) w = { .layer = -1 };
  const GOptionEntry entries[] = {
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &w.out, NULL, NULL },
    { "attach", 0, 0, G_OPTION_ARG_FILENAME, &w.table, NULL, NULL },
    { "examples", 0, 0, G_OPTION_ARG_FILENAME, &w.examples, NULL, NULL },
    { "scale", 0, 0, G_OPTION_ARG_FILENAME, &w.scale, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT64, &w.layer, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w.json, NULL, NULL },
    { NULL },
  };
  int status;
  if (!cs_cli_parse (&argc, &argv, verb, entries, 1, 2, &status))
    return status;
  if (!w.out)
    return cs_cli_usage (verb, "--out is needed.");
  if (w.layer < -1 || w.layer > 100000)
    return cs_cli_usage (verb, "--layer cannot be negative.");
  w.options = CS_IMPORT_DEFAULT;
  w.options.layer = (long)w.layer;
  if (w.scale && !parse_scale (w.scale, w.options.scale))
    return cs_cli_usage (verb,
                         "--scale takes two positive numbers, those of base and chat: 0.21,0.19.");
  w.path = argv[1];
  w.chat_cache = argc > 2 ? argv[2] : NULL;
  if (w.chat_cache && (w.table || w.examples || w.scale))
    return cs_cli_usage (
        verb, "--attach, --examples and --scale belong to a crosscoder, not to two caches.");
  status = cs_cli_job ("Importing", import_job, &w);
  return status == CS_EXIT_DONE ? print_import (&w) : status;
}

/* --- export --- */

typedef struct
{
  const char *path;
  char *out, *format, *model, *chat, *base, *store, *labels;
  gint64 latent, layer;
  gboolean json;
} Export;

static void
export_clear (Export *w)
{
  g_free (w->out);
  g_free (w->format);
  g_free (w->model);
  g_free (w->chat);
  g_free (w->base);
  g_free (w->store);
  g_free (w->labels);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Export, export_clear)

/* The layer that was asked for, or that of the run or of its store; −1 where none says. */
static long
find_layer (const Export *w)
{
  return w->layer >= 0 ? (long)w->layer : cs_run_layer (w->path, w->store);
}

static bool
export_gguf (const Export *w, GError **error)
{
  const CsLatentVectorOptions options = { .latent = (size_t)w->latent,
                                          .model = g_strcmp0 (w->model, "base") == 0 ? 0 : 1,
                                          .layer = find_layer (w),
                                          .model_folder = w->chat };
  return cs_latent_export_vector (w->path, &options, w->out, error);
}

static bool
export_neuronpedia (CsJob *job, const Export *w, GError **error)
{
  g_autofree char *model = w->chat ? g_path_get_basename (w->chat) : NULL;
  g_autofree char *absolute = g_canonicalize_filename (w->path, NULL);
  g_autofree char *beside = g_build_filename (absolute, "..", "..", "labels.json", NULL);
  g_autoptr (CsPair) pair = NULL;
  if (w->base && w->chat && !(pair = cs_pair_open (w->base, w->chat, NULL, error)))
    return false;
  const CsNeuronpediaOptions options = {
    .model_id = model,
    .pair = pair,
    .labels_path = w->labels                                  ? w->labels
                   : g_file_test (beside, G_FILE_TEST_EXISTS) ? beside
                                                              : NULL,
    .tokenizer_folder = w->chat,
    .store_path = w->store,
    .layer = find_layer (w),
    .latent = (long)w->latent,
  };
  return cs_latents_export_neuronpedia (job, absolute, &options, w->out, error);
}

static bool
export_job (CsJob *job, void *data, GError **error)
{
  const Export *w = data;
  const CsMemmapOptions memmap = { 0 };
  if (strcmp (w->format, "hub") == 0)
    return cs_crosscoder_export_hub (w->path, w->out, error);
  if (strcmp (w->format, "csv") == 0)
    return cs_latents_export_csv (w->path, w->out, error);
  if (strcmp (w->format, "gguf") == 0)
    return export_gguf (w, error);
  if (strcmp (w->format, "memmap") == 0)
    return cs_memmap_export (job, w->path, w->out, &memmap, error);
  return export_neuronpedia (job, w, error);
}

static bool
parse_export (Export *w, int *argc, char ***argv, int *status)
{
  const GOptionEntry entries[] = {
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &w->out, NULL, NULL },
    { "format", 0, 0, G_OPTION_ARG_FILENAME, &w->format, NULL, NULL },
    { "latent", 0, 0, G_OPTION_ARG_INT64, &w->latent, NULL, NULL },
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &w->model, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT64, &w->layer, NULL, NULL },
    { "chat", 0, 0, G_OPTION_ARG_FILENAME, &w->chat, NULL, NULL },
    { "base", 0, 0, G_OPTION_ARG_FILENAME, &w->base, NULL, NULL },
    { "activations", 0, 0, G_OPTION_ARG_FILENAME, &w->store, NULL, NULL },
    { "labels", 0, 0, G_OPTION_ARG_FILENAME, &w->labels, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
    { NULL },
  };
  w->latent = w->layer = -1;
  return cs_cli_parse (argc, argv, &cs_verbs_exchange[VERB_EXPORT], entries, 1, 1, status);
}

static const char *
check_export (const Export *w)
{
  static const char *const formats[] = { "hub", "csv", "neuronpedia", "gguf", "memmap", NULL };
  if (!w->out || !w->format || !g_strv_contains (formats, w->format))
    return "--out and --format (hub, csv, neuronpedia, gguf or memmap) are needed.";
  if (w->latent < -1 || w->layer < -1 || w->layer > 100000)
    return "--latent and --layer cannot be negative.";
  if (strcmp (w->format, "gguf") == 0 && w->latent < 0)
    return "--format gguf takes one latent: name it with --latent.";
  if (w->model && strcmp (w->model, "base") != 0 && strcmp (w->model, "chat") != 0)
    return "--model is base or chat.";
  return NULL;
}

static int
run_export (int argc, char **argv)
{
  const CsVerb *verb = &cs_verbs_exchange[VERB_EXPORT];
  g_auto (Export) w = { 0 };
  const char *wrong;
  int status;
  if (!parse_export (&w, &argc, &argv, &status))
    return status;
  if ((wrong = check_export (&w)))
    return cs_cli_usage (verb, wrong);
  w.path = argv[1];
  status = cs_cli_job ("Exporting", export_job, &w);
  if (status == CS_EXIT_DONE && w.json)
    cs_cli_print_json (json_pack ("{s:o, s:s}", "out", cs_cli_string (w.out), "format", w.format));
  else if (status == CS_EXIT_DONE)
    printf ("%s\n", w.out);
  return status;
}
