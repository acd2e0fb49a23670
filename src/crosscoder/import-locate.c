/* Which file of a path holds the tensors, and which the settings; and whether the tensors are a
 * crosscoder's. */
#include <string.h>

#include "file-error.h"
#include "import-private.h"

static char *
existing (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  return g_file_test (path, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer (&path) : NULL;
}

/* The number that a name begins with and that ".pt" follows; −1 for another name. */
static gint64
numbered (const char *name)
{
  char *end = NULL;
  if (!g_ascii_isdigit (name[0]))
    return -1;
  const gint64 number = g_ascii_strtoll (name, &end, 10);
  return strcmp (end, ".pt") == 0 ? number : -1;
}

typedef struct
{
  char *checkpoint; /* the last i.pt */
  char *only;       /* the only .pt, NULL for none or several */
  char *folder;     /* the only sub-folder with cc_weights.pt */
  gint64 number;
  unsigned n_pt, n_folders;
} Listing;

static void
listing_clear (Listing *listing)
{
  g_free (listing->checkpoint);
  g_free (listing->only);
  g_free (listing->folder);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Listing, listing_clear)

static void
list_name (Listing *listing, const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *weights = g_build_filename (path, "cc_weights.pt", NULL);
  if (g_file_test (weights, G_FILE_TEST_IS_REGULAR))
    {
      listing->n_folders++;
      g_free (listing->folder);
      listing->folder = g_strdup (path);
    }
  if (!g_str_has_suffix (name, ".pt") || !g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return;
  if (numbered (name) > listing->number)
    {
      listing->number = numbered (name);
      g_free (listing->checkpoint);
      listing->checkpoint = g_strdup (path);
    }
  listing->n_pt++;
  g_free (listing->only);
  listing->only = g_steal_pointer (&path);
}

static bool
refuse_folder (const char *folder, GError **error, const char *what)
{
  cs_file_error (error, CS_ERROR_UNSUPPORTED, "“%s” is no crosscoder of two models: %s.", folder,
                 what);
  return false;
}

/* The file of a folder that holds the tensors. */
static char *
locate_in_folder (const char *folder, GError **error)
{
  static const char *const names[] = { "model.safetensors", "cc_weights.pt", "model_final.pt",
                                       "model.pt" };
  static const struct
  {
    const char *name, *what;
  } others[] = {
    { "sae_weights.safetensors", "it is a dictionary of SAELens, which reads one model; open a "
                                 "crosscoder, or compare two such dictionaries elsewhere" },
    { "sae.safetensors",
      "it is a dictionary of sparsify, which reads one model; open a crosscoder, "
      "or compare two such dictionaries elsewhere" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      char *path = existing (folder, names[i]);
      if (path)
        return path;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *path = existing (folder, others[i].name);
      if (path)
        return refuse_folder (folder, error, others[i].what), NULL;
    }
  g_auto (Listing) listing = { .number = -1 };
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    list_name (&listing, folder, name);
  if (listing.checkpoint)
    return g_steal_pointer (&listing.checkpoint);
  if (listing.n_pt == 1)
    return g_steal_pointer (&listing.only);
  if (listing.n_folders == 1)
    return g_build_filename (listing.folder, "cc_weights.pt", NULL);
  cs_file_error (error, CS_ERROR_IO,
                 "“%s” holds no crosscoder that is known (model.safetensors, cc_weights.pt, "
                 "model_final.pt, or numbered .pt files)%s.",
                 folder,
                 listing.n_pt > 1 || listing.n_folders > 1 ? ": it holds several, name one of them"
                                                           : "");
  return NULL;
}

/* Settings beside a file: i_cfg.json of i.pt, cfg.json, config.json. */
static char *
locate_config (const char *file)
{
  g_autofree char *folder = g_path_get_dirname (file), *base = g_path_get_basename (file);
  char *dot = strrchr (base, '.');
  if (dot)
    *dot = '\0';
  g_autofree char *own = g_strconcat (base, "_cfg.json", NULL);
  const char *const names[] = { own, "cfg.json", "config.json" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      char *path = existing (folder, names[i]);
      if (path)
        return path;
    }
  return NULL;
}

static json_t *
find_trainer (json_t *config)
{
  json_t *trainer = json_object_get (config, "trainer");
  return json_is_object (trainer) ? trainer : NULL;
}

bool
cs_import_locate (CsImport *import, const char *path, GError **error)
{
  g_autofree char *file =
      g_file_test (path, G_FILE_TEST_IS_DIR) ? locate_in_folder (path, error) : g_strdup (path);
  if (!file || !(import->file = cs_tensor_file_open (file, error)))
    return false;
  import->config_path = locate_config (file);
  if (import->config_path && !(import->config = cs_json_load (import->config_path, 1 << 20, error)))
    return false;
  import->trainer = find_trainer (import->config);
  if (import->trainer)
    return true;
  g_autofree char *folder = g_path_get_dirname (file);
  g_autofree char *beside = existing (folder, "trainer_config.json");
  g_autoptr (json_t) trainer = beside ? cs_json_load (beside, 1 << 20, NULL) : NULL;
  if (!find_trainer (trainer))
    return true;
  if (!import->config)
    import->config = json_object ();
  import->trainer = find_trainer (trainer);
  json_object_set (import->config, "trainer", import->trainer);
  return true;
}

/* --- What the tensors are --- */

/* Finds the only prefix under which a tensor of that name is; NULL where none is. */
static char *
find_prefix (const CsTensorFile *file, const char *name)
{
  for (size_t i = 0; i < cs_tensor_file_n_tensors (file); i++)
    {
      const char *full = cs_tensor_file_nth (file, i)->name;
      const size_t n = strlen (full), n_name = strlen (name);
      if (g_str_has_suffix (full, name) && (n == n_name || full[n - n_name - 1] == '.'))
        return g_strndup (full, n - n_name);
    }
  return NULL;
}

static bool
refuse (const CsImport *import, GError **error, const char *what)
{
  cs_file_error (error, CS_ERROR_UNSUPPORTED, "“%s” is no crosscoder of two models: %s.",
                 cs_tensor_file_path (import->file), what);
  return false;
}

static bool
refuse_unknown (const CsImport *import, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);
  const size_t n = cs_tensor_file_n_tensors (import->file);
  for (size_t i = 0; i < MIN (n, 6); i++)
    {
      g_autofree char *shape = cs_tensor_shape_text (cs_tensor_file_nth (import->file, i));
      g_string_append_printf (names, "%s“%.80s” %s", i ? ", " : "",
                              cs_tensor_file_nth (import->file, i)->name, shape);
    }
  g_autofree char *what =
      g_strdup_printf ("there is no “encoder.weight” or “W_enc” among its tensors (%s%s)",
                       names->str, n > 6 ? " …" : "");
  return refuse (import, error, g_strdelimit (what, "\r\n", ' '));
}

static const char *
what_sae (const CsImport *import)
{
  if (cs_tensor_file_find (import->file, "W_dec"))
    return "with one encoder matrix it is a dictionary of one model, as SAELens and sparsify make "
           "them";
  return "with one encoder matrix it is an SAE of one model's activations or of the difference of "
         "two (a diff-SAE), as dictionary_learning makes them";
}

bool
cs_import_recognise (CsImport *import, GError **error)
{
  g_autofree char *library = find_prefix (import->file, "encoder.weight");
  g_autofree char *kissane = library ? NULL : find_prefix (import->file, "W_enc");
  if (!library && !kissane)
    return refuse_unknown (import, error);
  cs_tensor_file_set_prefix (import->file, library ? library : kissane);
  const CsTensor *encoder =
      cs_tensor_file_find (import->file, library ? "encoder.weight" : "W_enc");
  if (encoder->n_dims == 2)
    return refuse (import, error, what_sae (import));
  if (encoder->n_dims == 4)
    return refuse (import, error,
                   "its latents have three encoders each, so it is a tied crosscoder");
  if (encoder->n_dims != 3 || encoder->shape[0] != 2)
    {
      g_autofree char *shape = cs_tensor_shape_text (encoder);
      g_autofree char *what = g_strdup_printf (
          "its encoder has the shape %s where two models take [2, d_model, latents], so it reads "
          "something else, such as several layers of one model",
          shape);
      return refuse (import, error, what);
    }
  const char *path = cs_tensor_file_path (import->file);
  import->format = kissane                                   ? "kissane"
                   : g_str_has_suffix (path, ".safetensors") ? "hub"
                                                             : "checkpoint";
  return true;
}
