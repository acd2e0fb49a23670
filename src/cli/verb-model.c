/* model info, model forward, model generate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"
#include "cli.h"
#include "edits.h"
#include "errors.h"
#include "forward-dump.h"
#include "generate.h"
#include "tokenizer.h"

static int run_info (int argc, char **argv);
static int run_forward (int argc, char **argv);
static int run_generate (int argc, char **argv);

const CsVerb cs_verbs_model[] = {
  { "model info", "DIR [--json]", "Architecture, sizes, dtype, tokenizer, chat template",
    run_info },
  { "model forward", "DIR --ids LIST --out F.h5 [--edit E.json] [--json]",
    "Residual stream and logits of token ids", run_forward },
  { "model generate",
    "DIR --prompt TEXT|--ids LIST [--chat [--sibling DIR]] [--max-tokens N] [--temperature T] [--top-p P] [--seed "
    "S] [--ignore-eos] [--edit E.json] [--json]",
    "Continues a prompt", run_generate },
  { NULL, NULL, NULL, NULL },
};

/* --- info --- */

/* The layers that slide. */
static json_t *
sliding_json (const CsModel *model)
{
  json_t *layers = json_array ();

  for (size_t l = 0; l < cs_model_config (model)->n_layers; l++)
    if (cs_model_layer_slides (model, l))
      json_array_append_new (layers, json_integer ((json_int_t)l));
  return layers;
}

/* Numbers that are 0 where there is nothing of the kind. */
static json_t *
real_or_null (double value)
{
  return value > 0 ? cs_cli_real (value) : json_null ();
}

static void
add_quirks (json_t *object, const CsModel *model)
{
  const CsModelConfig *c = cs_model_config (model);
  json_t *rope = json_pack ("{s:f, s:f, s:I, s:o}", "theta", c->rope_theta, "local_theta",
                            c->local_theta, "dimensions", (json_int_t)c->n_rotated, "scaling",
                            c->rope_scaling != NULL ? json_string (c->rope_scaling) : json_null ());

  json_object_set_new (object, "sliding_window",
                       c->sliding_window > 0 ? json_integer ((json_int_t)c->sliding_window)
                                             : json_null ());
  json_object_set_new (object, "sliding_layers", sliding_json (model));
  json_object_set_new (object, "attention_scale", cs_cli_real (c->attention_scale));
  json_object_set_new (object, "attention_softcap", real_or_null (c->attention_softcap));
  json_object_set_new (object, "final_softcap", real_or_null (c->final_softcap));
  json_object_set_new (object, "embedding_scale", cs_cli_real (c->embedding_scale));
  json_object_set_new (object, "norm_eps", cs_cli_real (c->norm_eps));
  json_object_set_new (object, "activation", json_string (c->activation));
  json_object_set_new (object, "gated_mlp", json_boolean (c->gated_mlp));
  json_object_set_new (object, "parallel_residual", json_boolean (c->parallel_residual));
  json_object_set_new (object, "rope", rope);
}

static json_t *
info_json (const CsModel *model, CsTokenizer *tokenizer, bool has_template)
{
  const CsModelConfig *c = cs_model_config (model);

  json_t *object = json_pack (
      "{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:o, s:b}", "name",
      cs_cli_string (cs_model_name (model)), "model_type", c->model_type, "n_layers",
      (json_int_t)c->n_layers, "d_model", (json_int_t)c->d_model, "n_heads", (json_int_t)c->n_heads,
      "n_kv_heads", (json_int_t)c->n_kv_heads, "head_dim", (json_int_t)c->head_dim, "d_ff",
      (json_int_t)c->d_ff, "vocab_size", (json_int_t)c->vocab_size, "n_parameters",
      (json_int_t)cs_model_n_parameters (model), "file_bytes",
      (json_int_t)cs_model_file_bytes (model), "tied_head", (int)c->tied_head, "dtype",
      cs_model_dtype (model), "tokenizer_vocab",
      tokenizer != NULL ? json_integer ((json_int_t)cs_tokenizer_vocab_size (tokenizer))
                        : json_null (),
      "chat_template", (int)has_template);
  add_quirks (object, model);
  return object;
}

static void
print_quirks (const CsModel *model)
{
  const CsModelConfig *c = cs_model_config (model);

  printf ("activation   %s%s%s\n", c->activation, c->gated_mlp ? ", gated" : "",
          c->parallel_residual ? ", parallel to attention" : "");
  printf ("rotary       θ %g", c->rope_theta);
  if (c->local_theta != c->rope_theta)
    printf (" (%g in sliding layers)", c->local_theta);
  printf (", %zu of %zu dimensions%s%s\n", c->n_rotated, c->head_dim,
          c->rope_scaling != NULL ? ", scaling " : "",
          c->rope_scaling != NULL ? c->rope_scaling : "");
  printf ("attention    scale %.6g", c->attention_scale);
  if (c->attention_softcap > 0)
    printf (", soft cap %g", c->attention_softcap);
  if (c->sliding_window > 0)
    printf (", window %zu in %zu of %zu layers", c->sliding_window, c->n_sliding, c->n_layers);
  printf ("\n");
  if (c->final_softcap > 0)
    printf ("logits       soft cap %g\n", c->final_softcap);
  if (c->embedding_scale != 1)
    printf ("embeddings   times %.6g\n", c->embedding_scale);
}

static void
print_info (const CsModel *model, const CsTokenizer *tokenizer, const char *template_text)
{
  const CsModelConfig *c = cs_model_config (model);

  printf (
      "model        %s\narchitecture %s\nlayers       %zu\nd_model      %zu\nheads        %zu (%zu "
      "key/value, %zu wide)\n"
      "d_ff         %zu\nvocabulary   %zu\nparameters   %zu\ndtype        %s\nhead         %s\n",
      cs_model_name (model), c->model_type, c->n_layers, c->d_model, c->n_heads, c->n_kv_heads,
      c->head_dim, c->d_ff, c->vocab_size, cs_model_n_parameters (model), cs_model_dtype (model),
      c->tied_head ? "tied" : "untied");
  print_quirks (model);
  if (tokenizer != NULL)
    printf ("tokenizer    %zu tokens\n", cs_tokenizer_vocab_size (tokenizer));
  printf ("template     %s\n", template_text);
}

static int
run_info (int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = { { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
                                   { NULL } };
  g_autoptr (GError) error = NULL, no_tokenizer = NULL, no_template = NULL;
  g_autoptr (CsModel) model = NULL;
  g_autoptr (CsTokenizer) tokenizer = NULL;
  g_autoptr (CsChatTemplate) chat = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_model[0], entries, 1, 1, &status))
    return status;
  model = cs_model_open (argv[1], &error);
  if (model == NULL)
    return cs_cli_fail (error);
  tokenizer = cs_tokenizer_open (argv[1], &no_tokenizer);
  chat = cs_chat_template_open (argv[1], &no_template);
  if (json)
    cs_cli_print_json (info_json (model, tokenizer, chat != NULL));
  else
    print_info (model, tokenizer, chat != NULL ? cs_chat_template_path (chat) : no_template->message);
  if (tokenizer == NULL)
    fprintf (stderr, "crosscope-cli: %s\n", no_tokenizer->message);
  return CS_EXIT_DONE;
}

/* --- ids --- */

/* "1,2,3" or "@FILE" with the same in it (white space allowed). */
static GArray *
parse_ids (const char *list, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autofree char *content = NULL;
  g_autoptr (GError) read_error = NULL;
  const char *p;

  if (list[0] == '@' && !g_file_get_contents (list + 1, &content, NULL, &read_error))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The list of ids cannot be read: %s.",
                   read_error->message);
      return NULL;
    }
  for (p = content != NULL ? content : list; *p != '\0';)
    {
      char *end;
      long long value;
      int32_t id;

      p += strspn (p, ", \t\r\n");
      if (*p == '\0')
        break;
      errno = 0;
      value = strtoll (p, &end, 10);
      id = (int32_t)value;
      if (end == p || errno != 0 || value != id || value < 0)
        {
          g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                       "“%.20s” is not a token id: write ids as 1,2,3 or @FILE.", p);
          return NULL;
        }
      g_array_append_val (ids, id);
      p = end;
    }
  if (ids->len == 0)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, "The list of ids is empty.");
      return NULL;
    }
  return g_steal_pointer (&ids);
}

/* A list of ids that is no list of ids is wrong usage; what comes after it is a failure. */
static int
fail_or_usage (const CsVerb *verb, bool has_ids, const GError *error)
{
  return !has_ids && g_error_matches (error, CS_ERROR, CS_ERROR_USAGE)
             ? cs_cli_usage (verb, error->message)
             : cs_cli_fail (error);
}

static bool
load_edits (const char *path, const CsModel *model, CsEdits **edits, GError **error)
{
  if (path == NULL)
    return true;
  *edits = cs_edits_load (path, cs_model_config (model), error);
  return *edits != NULL;
}

/* --- forward --- */

static int
run_forward (int argc, char **argv)
{
  g_autofree char *list = NULL, *out = NULL, *edit = NULL;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "ids", 0, 0, G_OPTION_ARG_FILENAME, &list, NULL, NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, NULL, NULL },
    { "edit", 0, 0, G_OPTION_ARG_FILENAME, &edit, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) ids = NULL;
  g_autoptr (CsModel) model = NULL;
  g_autoptr (CsEdits) edits = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_model[1], entries, 1, 1, &status))
    return status;
  if (list == NULL || out == NULL)
    return cs_cli_usage (&cs_verbs_model[1], "Both --ids and --out are needed.");
  if ((ids = parse_ids (list, &error)) == NULL ||
      (model = cs_model_open (argv[1], &error)) == NULL ||
      !load_edits (edit, model, &edits, &error) ||
      !cs_forward_dump (model, edits, (const int32_t *)ids->data, ids->len, out, &error))
    return fail_or_usage (&cs_verbs_model[1], ids != NULL, error);
  if (json)
    cs_cli_print_json (
        json_pack ("{s:o, s:I}", "out", cs_cli_string (out), "tokens", (json_int_t)ids->len));
  return CS_EXIT_DONE;
}

/* --- generate --- */

typedef struct
{
  CsDecoder *decoder; /* NULL: nothing is streamed */
} Stream;

static bool
stream_token (void *data, int32_t id)
{
  Stream *stream = data;

  if (stream->decoder != NULL)
    {
      g_autofree char *text = cs_decoder_feed (stream->decoder, id);
      fputs (text, stdout);
      fflush (stdout);
    }
  return true;
}

static GArray *
prompt_ids (const char *folder,
            const char *sibling,
            CsTokenizer *tokenizer,
            const char *prompt,
            bool chat,
            GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (CsChatTemplate) chat_template = NULL;
  g_autoptr (CsRendering) rendering = NULL;
  g_autofree char *role = g_strdup ("user"), *content = g_strdup (prompt);
  const CsMessage message = { role, content };

  if (!chat)
    cs_tokenizer_encode (tokenizer, prompt, strlen (prompt), true, ids, NULL);
  else
    {
      if ((chat_template = cs_chat_template_open_pair (folder, sibling, error)) == NULL ||
          (rendering = cs_chat_render (chat_template, tokenizer, &message, 1, true, error)) == NULL)
        return NULL;
      g_array_append_vals (ids, rendering->ids->data, rendering->ids->len);
    }
  if (ids->len == 0)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                           "The prompt is empty and this tokenizer adds no BOS: write something.");
      return NULL;
    }
  return g_steal_pointer (&ids);
}

static json_t *
generated_json (const CsTokenizer *tokenizer, const GArray *ids)
{
  return json_pack ("{s:o, s:o}", "ids", cs_cli_ids (ids), "text",
                    tokenizer != NULL ? cs_cli_text (tokenizer, ids, true) : json_null ());
}

static int
generate (const char *folder,
          const GArray *prompt,
          CsTokenizer *tokenizer,
          const char *edit,
          const CsSampling *sampling,
          bool json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsModel) model = NULL;
  g_autoptr (CsEdits) edits = NULL;
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (CsSession) session = NULL;
  g_autoptr (CsDecoder) decoder =
      json || tokenizer == NULL ? NULL : cs_decoder_new (tokenizer, true);
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (int32_t));
  Stream stream = { decoder };
  size_t n_taps = 0;

  if ((model = cs_model_open (folder, &error)) == NULL || !load_edits (edit, model, &edits, &error))
    return cs_cli_fail (error);
  session = cs_session_new (model, team, prompt->len + sampling->max_tokens);
  if (edits != NULL)
    {
      const CsTap *taps = cs_edits_taps (edits, &n_taps);
      cs_session_set_taps (session, taps, n_taps);
    }
  if (!cs_generate (session, (const int32_t *)prompt->data, prompt->len, sampling, NULL,
                    stream_token, &stream, out, &error))
    return cs_cli_fail (error);
  if (json || tokenizer == NULL)
    cs_cli_print_json (generated_json (tokenizer, out));
  else
    {
      g_autofree char *rest = cs_decoder_finish (decoder);
      printf ("%s\n", rest);
    }
  return CS_EXIT_DONE;
}

static int
run_generate (int argc, char **argv)
{
  g_autofree char *list = NULL, *prompt = NULL, *edit = NULL, *sibling = NULL;
  gboolean chat = FALSE, json = FALSE, ignore_eos = FALSE;
  int max_tokens = 64;
  gint64 seed = 0;
  double temperature = 0, top_p = 1;
  const GOptionEntry entries[] = {
    { "ids", 0, 0, G_OPTION_ARG_FILENAME, &list, NULL, NULL },
    { "prompt", 0, 0, G_OPTION_ARG_FILENAME, &prompt, NULL, NULL },
    { "chat", 0, 0, G_OPTION_ARG_NONE, &chat, NULL, NULL },
    { "sibling", 0, 0, G_OPTION_ARG_FILENAME, &sibling, NULL, NULL },
    { "max-tokens", 0, 0, G_OPTION_ARG_INT, &max_tokens, NULL, NULL },
    { "temperature", 0, 0, G_OPTION_ARG_DOUBLE, &temperature, NULL, NULL },
    { "top-p", 0, 0, G_OPTION_ARG_DOUBLE, &top_p, NULL, NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &seed, NULL, NULL },
    { "ignore-eos", 0, 0, G_OPTION_ARG_NONE, &ignore_eos, NULL, NULL },
    { "edit", 0, 0, G_OPTION_ARG_FILENAME, &edit, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_model[2];
  g_autoptr (GError) error = NULL, no_tokenizer = NULL;
  g_autoptr (CsTokenizer) tokenizer = NULL;
  g_autoptr (GArray) ids = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 1, 1, &status))
    return status;
  if ((list != NULL) == (prompt != NULL))
    return cs_cli_usage (verb, "Give either --prompt or --ids.");
  if (chat && list != NULL)
    return cs_cli_usage (verb, "--chat goes with --prompt: ids are taken as they are.");
  if (max_tokens < 1 || max_tokens > 1 << 20 || !(temperature >= 0 && temperature <= 1e6) ||
      !(top_p > 0 && top_p <= 1))
    return cs_cli_usage (
        verb, "--max-tokens has to be 1 or more, --temperature 0 or more, --top-p in (0, 1].");
  tokenizer = cs_tokenizer_open (argv[1], &no_tokenizer);
  if (tokenizer == NULL && prompt != NULL)
    return cs_cli_fail (no_tokenizer);
  ids = list != NULL ? parse_ids (list, &error)
                     : prompt_ids (argv[1], sibling, tokenizer, prompt, chat, &error);
  if (ids == NULL)
    return fail_or_usage (verb, false, error);
  CsSampling sampling = { .max_tokens = (size_t)max_tokens,
                          .temperature = temperature,
                          .top_p = top_p,
                          .seed = (uint64_t)seed,
                          .ignore_eos = ignore_eos };
  return generate (argv[1], ids, tokenizer, edit, &sampling, json);
}
