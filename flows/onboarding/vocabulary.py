"""Words by which protected, personal and identifying columns are recognised, in English, Chinese and a few others."""

import re

from flows.onboarding.names import words

PROTECTED_WORDS = {
    "sex", "gender", "sexo", "sexe", "geschlecht", "genero", "marital", "marriage", "married", "familienstand",
    "education", "edu", "race", "ethnic", "ethnicity", "etnia", "religion", "religious", "nationality", "citizenship",
    "citizen", "disability", "disabled", "pregnant", "pregnancy", "birth", "birthdate", "birthday", "dob", "edad",
    "tribe", "caste", "hukou", "foreign",
}  # fmt: skip
AGE_COMPANIONS = {
    "age", "customer", "client", "applicant", "borrower", "person", "at", "application", "group", "band", "bucket",
    "range", "years", "year", "yrs", "in", "of", "the", "cust",
}  # fmt: skip
ABOUT_MONEY = {"loan", "loans", "amount", "purpose", "expense", "expenses", "cost", "fee", "exchange", "currency"}
PROTECTED_CHINESE = re.compile(
    "性别|性別|年龄|年齡|婚姻|婚否|民族|种族|種族|宗教|学历|學歷|教育程度|文化程度|国籍|國籍|籍贯|出生|生日|残疾|殘疾|怀孕|户籍|户口"
)
NOT_OF_A_PERSON = re.compile("账户|帐户|账龄|贷款|车")

PERSONAL_WORDS = {
    "email", "mail", "phone", "mobile", "telephone", "tel", "ssn", "passport", "address", "street", "iban", "surname",
    "firstname", "lastname", "fullname", "forename", "ip", "imei", "licence", "license",
}  # fmt: skip
OWNERS = {"first", "last", "full", "middle", "customer", "client", "applicant", "borrower", "name", "family", "given"}
PERSONAL_CHINESE = re.compile("姓名|身份证|手机|电话|邮箱|住址|地址|银行卡|护照")

ID_WORDS = {
    "id", "ids", "uuid", "guid", "no", "nr", "num", "number", "key", "code", "ref", "reference", "account", "serial",
    "hash", "token", "index", "zip", "postcode", "postal", "zipcode", "branch",
}  # fmt: skip
ID_CHINESE = re.compile("编号|号码|代码|序号|流水|邮编")


def is_protected(header: str) -> bool:
    """Whether a column of this name is likely to hold a protected attribute."""
    found = set(words(header))
    if PROTECTED_CHINESE.search(header):
        return not NOT_OF_A_PERSON.search(header)
    if found & ABOUT_MONEY:
        return False
    return bool(found & PROTECTED_WORDS) or ("age" in found and found <= AGE_COMPANIONS)


def is_age(header: str) -> bool:
    """Whether a protected column is an age in years."""
    return bool({"age", "edad"} & set(words(header))) or bool(re.search("年龄|年齡", header))


def is_personal(header: str) -> bool:
    """Whether a column of this name is likely to name or reach one person."""
    found = set(words(header))
    return (
        bool(found & PERSONAL_WORDS) or ("name" in found and found <= OWNERS) or bool(PERSONAL_CHINESE.search(header))
    )


def is_identifier(header: str) -> bool:
    """Whether a column of this name is likely to be a code or number of something, not a quantity."""
    return bool(set(words(header)) & ID_WORDS) or bool(ID_CHINESE.search(header))
