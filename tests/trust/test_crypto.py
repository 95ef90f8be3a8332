"""Field encryption: what the database sees, what opens and what does not."""

import base64
import io
import uuid

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db import connection, transaction

from trust import crypto, drafts, keys
from trust.models import Draft, KeyProof, Upload

SECRET = "奶奶电话 13800000000，家住青溪村 3 组"


def upload(**fields):
    return Upload.objects.create(purpose="test", size=1, sha256="", **fields)


def stored(row, column="file_name"):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {row._meta.db_table} WHERE id = %s", [row.pk])
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_the_database_never_sees_the_text():
    row = upload(file_name=SECRET)
    text = stored(row)
    assert text.startswith("aes1:")
    for form in (SECRET.encode(), SECRET.encode("utf-16-le"), base64.b64encode(SECRET.encode())):
        assert form not in text.encode()
    assert "13800000000" not in base64.b64decode(text.partition(":")[2]).decode("latin-1")
    assert Upload.objects.get(pk=row.pk).file_name == SECRET


@pytest.mark.django_db
def test_same_text_gives_another_ciphertext_each_time():
    assert stored(upload(file_name=SECRET)) != stored(upload(file_name=SECRET))


@pytest.mark.django_db
def test_blank_stays_blank():
    row = upload(file_name="")
    assert stored(row) == ""
    assert Upload.objects.get(pk=row.pk).file_name == ""
    assert list(Upload.objects.filter(file_name="")) == [row]


@pytest.mark.django_db
def test_a_ciphertext_moved_to_another_row_does_not_open():
    one, other = upload(file_name=SECRET), upload(file_name="b")
    Upload.objects.filter(pk=other.pk).update(file_name=crypto.Sealed(stored(one)))
    with pytest.raises(crypto.WrongKey):
        Upload.objects.get(pk=other.pk).file_name


@pytest.mark.django_db
def test_a_ciphertext_moved_to_another_field_does_not_open(li):
    row = upload(file_name=SECRET)
    draft = Draft(uid=row.uid, user=li, form_key="f", body="x", expires_at=li.created_at)
    draft.save()
    Draft.objects.filter(pk=draft.pk).update(body=crypto.Sealed(stored(row)))
    with pytest.raises(crypto.WrongKey):
        Draft.objects.get(pk=draft.pk).body


@pytest.mark.django_db
def test_a_missing_or_other_key_raises_and_names_the_key(settings):
    row = upload(file_name=SECRET)
    settings.FIELD_KEYS = {"aes1": b"0" * 32}
    with pytest.raises(crypto.WrongKey, match="aes1"):
        Upload.objects.get(pk=row.pk).file_name
    settings.FIELD_KEYS = {"aes9": b"0" * 32}
    with pytest.raises(crypto.WrongKey, match="aes1"):
        Upload.objects.get(pk=row.pk).file_name


@pytest.mark.django_db
def test_nothing_is_written_in_clear_by_update_or_bulk_update():
    row = upload(file_name=SECRET)
    with pytest.raises(TypeError), transaction.atomic():
        Upload.objects.filter(pk=row.pk).update(file_name="in clear")
    row.file_name = "in clear"
    with pytest.raises(TypeError), transaction.atomic():
        Upload.objects.bulk_update([row], ["file_name"])
    assert Upload.objects.get(pk=row.pk).file_name == SECRET


@pytest.mark.django_db
def test_bulk_create_and_upsert_encrypt():
    rows = Upload.objects.bulk_create(
        [Upload(purpose="t", size=1, sha256="", file_name=SECRET) for _ in range(3)]
    )
    assert [Upload.objects.get(uid=row.uid).file_name for row in rows] == [SECRET] * 3
    again = Upload(uid=rows[0].uid, purpose="t", size=2, sha256="", file_name="neu")
    Upload.objects.bulk_create(
        [again], update_conflicts=True, unique_fields=["uid"], update_fields=["file_name", "size"]
    )
    assert Upload.objects.get(uid=rows[0].uid).file_name == "neu"


@pytest.mark.django_db
def test_saving_another_field_keeps_the_ciphertext():
    row = upload(file_name=SECRET)
    before = stored(row)
    row = Upload.objects.get(pk=row.pk)
    row.size = 9
    row.save()
    assert stored(row) == before


@pytest.mark.django_db
def test_a_copied_row_with_another_uid_fails_at_once():
    row = Upload.objects.get(pk=upload(file_name=SECRET).pk)
    row.pk, row.uid = None, uuid.uuid4()
    row._state.adding = True
    with pytest.raises(crypto.WrongKey):
        row.save()


@pytest.mark.django_db
def test_values_give_the_ciphertext_and_open_stored_opens_it():
    row = upload(file_name=SECRET)
    uid, sealed = Upload.objects.values_list("uid", "file_name").get(pk=row.pk)
    assert sealed == stored(row)
    assert Upload._meta.get_field("file_name").open_stored(sealed, uid) == SECRET


@pytest.mark.django_db
def test_deferred_and_refreshed_values_open():
    row = upload(file_name=SECRET)
    assert Upload.objects.defer("file_name").get(pk=row.pk).file_name == SECRET
    row.file_name = "other"
    row.refresh_from_db()
    assert row.file_name == SECRET


@pytest.mark.parametrize("lookup", ["contains", "startswith", "in", "iexact", "gt"])
def test_encrypted_fields_cannot_be_searched(lookup):
    with pytest.raises(FieldError):
        Upload.objects.filter(**{f"file_name__{lookup}": "x"})


@pytest.mark.django_db
def test_comparing_with_a_text_raises():
    with pytest.raises(TypeError):
        Upload.objects.filter(file_name="x").exists()


def test_the_length_limit_holds_for_the_text():
    row = Upload(purpose="t", size=1, sha256="", file_name="长" * 201)
    with pytest.raises(ValidationError) as raised:
        row.clean_fields()
    assert "file_name" in raised.value.message_dict
    row.file_name = "长" * 200
    with pytest.raises(ValidationError) as raised:
        row.clean_fields()
    assert "file_name" not in raised.value.message_dict


def test_the_label_of_a_historical_row_is_its_originals():
    class Fake:
        class _meta:
            app_label, object_name = "registry", "HistoricalPhone"

    field = crypto.EncryptedTextField()
    field.model, field.name = Fake, "number"
    assert field.label_for("u") == "registry.phone.number:u"


def test_blind_index_depends_on_value_purpose_and_key(settings):
    one = crypto.blind_index("13800000000", "phone")
    assert len(one) == 64
    assert one == crypto.blind_index("13800000000", "phone")
    assert one != crypto.blind_index("13800000000", "id_number")
    assert one != crypto.blind_index("13800000001", "phone")
    assert crypto.blind_index("", "phone") == ""
    settings.INDEX_KEY = b"1" * 32
    assert one != crypto.blind_index("13800000000", "phone")


@pytest.mark.django_db
@pytest.mark.db
def test_rotation_moves_every_value_and_retires_the_old_key(settings, li):
    rows = [upload(file_name=f"{SECRET}{number}") for number in range(5)]
    drafts.save(li, "f", {"text": ["写了一半"]})
    settings.FIELD_KEYS = {"aes2": b"2" * 31 + b"x", **settings.FIELD_KEYS}
    assert keys.retire("aes1") is False
    assert keys.rotate() == 6
    assert keys.rotate() == 0
    assert [Upload.objects.get(pk=row.pk).file_name for row in rows] == [f"{SECRET}{n}" for n in range(5)]
    assert all(stored(row).startswith("aes2:") for row in rows)
    assert keys.retire("aes1") is True
    settings.FIELD_KEYS = {"aes2": settings.FIELD_KEYS["aes2"]}
    assert drafts.load(li, "f") == {"text": ["写了一半"]}
    assert keys.wrong_keys() == []


@pytest.mark.django_db
def test_a_wrong_key_is_noticed_at_the_start(settings):
    keys.ensure_proofs()
    assert set(KeyProof.objects.values_list("key_id", flat=True)) == {"index", "aes1"}
    assert keys.wrong_keys() == []
    settings.FIELD_KEYS = {"aes1": b"other key of thirty-two bytes..."}
    assert keys.wrong_keys() == ["aes1"]
    settings.FIELD_KEYS = {"aes2": b"other key of thirty-two bytes..."}
    settings.INDEX_KEY = b"other key of thirty-two bytes..."
    assert keys.wrong_keys() == ["aes1", "index"]


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 1024 * 1024 + 1, 3_000_000])
def test_a_sealed_file_comes_back_whole(size):
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    file = io.BytesIO()
    crypto.write_sealed(file, [data[: size // 2], data[size // 2 :]], "job:1")
    assert size < 64 or data[:64] not in file.getvalue()
    file.seek(0)
    assert b"".join(crypto.read_sealed(file, "job:1")) == data


def test_a_cut_changed_or_swapped_file_does_not_open():
    file = io.BytesIO()
    crypto.write_sealed(file, [b"x" * 2_500_000], "job:1")
    whole = file.getvalue()
    for broken in (whole[:-1], whole[: 1024 * 1024 + 60], whole[:40], whole[:-5] + b"12345", b""):
        with pytest.raises(crypto.WrongKey):
            list(crypto.read_sealed(io.BytesIO(broken), "job:1"))
    with pytest.raises(crypto.WrongKey):
        list(crypto.read_sealed(io.BytesIO(whole), "job:2"))
