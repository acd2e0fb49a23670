/* Any bytes as the feature_df.csv of a small crosscoder: refused with a sentence, or attached and readable. */
#include "csv-table.h"
#include "fuzz-file.h"
#include "latents-exchange.h"
#include "sentence.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Three latents of width 1: base-only, shared, chat-only. */
static void
make_run (const char *folder)
{
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_new (1, 3, CS_VARIANT_L1, NULL);
  const float decoder[] = { 1, 0, 1, 1, 0, 1 };

  for (int i = 0; i < 6; i++)
    cc->decoder[i] = decoder[i];
  g_assert_true (cs_crosscoder_save (cc, folder, NULL));
}

static void
read_all (const CsCsv *csv)
{
  for (size_t r = 0; r < cs_csv_n_rows (csv); r++)
    for (size_t c = 0; c < cs_csv_n_columns (csv); c++)
      {
        double value;

        g_assert_nonnull (cs_csv_text (csv, r, c));
        cs_csv_number (csv, r, c, &value);
      }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static bool made;
  static unsigned n;
  g_autofree char *path = fuzz_write ("feature_df.csv", data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsCsv) csv = cs_csv_open (path, &error);

  if (!made)
    make_run (fuzz_folder_get ());
  made = true;
  g_assert ((csv == NULL) == (error != NULL));
  if (csv == NULL)
    {
      sentence_check (error);
      return 0;
    }
  read_all (csv);
  if (cs_csv_n_rows (csv) > 0 && cs_csv_n_rows (csv) <= 3 && n++ % 50 == 0) /* HDF5 files take their time */
    {
      g_autoptr (GError) reason = NULL;
      g_assert (cs_latents_attach_table (fuzz_folder_get (), path, NULL, &reason) == (reason == NULL));
    }
  return 0;
}
