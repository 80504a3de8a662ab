"""Words of shop fronts and street signs by language; and words that are no place, though one is called so.

Written down by hand: street, square, open, closed, exit, entrance, pharmacy, bakery, butcher, police, school, town
hall, church, railway station, parking, sale, hairdresser, bookshop, and the like. Not known: languages without a row.
"""

from __future__ import annotations

from functools import cache

from lookhear.perception.writing.scripts_of_text import words_of

SIGN_WORDS = {
    "en": "street road avenue open closed exit entrance pharmacy bakery butcher police school church station parking "
    "sale welcome please no smoking shop fresh the and for with your town hall library fire way out only stop",
    "fr": "rue place avenue boulevard ouvert fermé sortie entrée pharmacie boulangerie boucherie mairie école église "
    "gare stationnement soldes bienvenue coiffeur librairie tabac défense interdit vente à vendre du des les et chez",
    "de": "straße strasse platz geöffnet geschlossen ausgang eingang apotheke bäckerei metzgerei fleischerei polizei "
    "schule rathaus kirche bahnhof parkplatz ausverkauf willkommen friseur buchhandlung verboten und der die das für",
    "es": "calle plaza avenida abierto cerrado salida entrada farmacia panadería carnicería policía escuela iglesia "
    "ayuntamiento estación aparcamiento rebajas bienvenidos peluquería librería prohibido se vende los las y el tienda",
    "pt": "rua praça avenida aberto fechado saída entrada farmácia padaria talho polícia escola igreja câmara estação "
    "estacionamento saldos bem-vindo cabeleireiro livraria proibido vende-se pastelaria dos das ao loja os",
    "it": "via piazza viale corso aperto chiuso uscita ingresso farmacia panificio macelleria polizia scuola chiesa "
    "municipio stazione parcheggio saldi benvenuti parrucchiere libreria vietato vendesi della del gelateria negozio",
    "nl": "straat plein weg open gesloten uitgang ingang apotheek bakkerij slagerij politie school kerk gemeentehuis "
    "station parkeren uitverkoop welkom kapper boekhandel verboden te koop het een van voor winkel gracht fietsen",
    "af": "straat oop gesluit uitgang ingang apteek bakkery slaghuis polisie skool kerk stasie parkering welkom",
    "sv": "gatan vägen torget öppet stängt utgång ingång apotek bageri slakteri polis skola kyrka rådhus station "
    "parkering rea välkommen frisör bokhandel förbjudet och inte för att butik gata väg torg",
    "da": "gade vej torv plads åben åbent lukket udgang indgang apotek bageri slagter politi skole kirke rådhus "
    "station parkering udsalg velkommen frisør boghandel forbudt og ikke til salg butik gaden vejen",
    "no": "gate gata vei veien torg torget åpent stengt utgang inngang apotek bakeri slakter politi skole kirke rådhus "
    "stasjon parkering salg velkommen frisør bokhandel forbudt og ikke til salgs butikk",
    "is": "gata vegur opið lokað útgangur inngangur apótek bakarí lögregla skóli kirkja ráðhús bílastæði velkomin og",
    "fi": "katu tie tori avoinna suljettu uloskäynti sisäänkäynti apteekki leipomo lihakauppa poliisi koulu kirkko "
    "asema pysäköinti ale tervetuloa parturi kirjakauppa kielletty ja kauppa katua tiellä raatihuone",
    "et": "tänav väljak avatud suletud väljapääs sissepääs apteek pagariäri politsei kool kirik raekoda jaam parkla "
    "allahindlus tere tulemast juuksur raamatupood keelatud ja pood tee",
    "lv": "iela laukums atvērts slēgts izeja ieeja aptieka maiznīca policija skola baznīca rātsnams stacija stāvvieta "
    "izpārdošana laipni lūdzam frizētava grāmatnīca aizliegts un veikals",
    "lt": "gatvė aikštė atidaryta uždaryta išėjimas įėjimas vaistinė kepykla policija mokykla bažnyčia rotušė stotis "
    "stovėjimo išpardavimas sveiki atvykę kirpykla knygynas draudžiama ir parduotuvė",
    "pl": "ulica ul plac aleja otwarte zamknięte wyjście wejście apteka piekarnia sklep mięsny policja szkoła kościół "
    "ratusz dworzec parking wyprzedaż witamy fryzjer księgarnia zakaz i na sprzedaż dla nie",
    "cs": "ulice náměstí třída otevřeno zavřeno východ vchod lékárna pekárna řeznictví policie škola kostel radnice "
    "nádraží parkoviště výprodej vítejte kadeřnictví knihkupectví zákaz potraviny a na prodej pro ne",
    "sk": "ulica námestie trieda otvorené zatvorené východ vchod lekáreň pekáreň mäsiarstvo polícia škola kostol "
    "radnica stanica parkovisko výpredaj vitajte kaderníctvo kníhkupectvo zákaz potraviny a na predaj pre nie",
    "sl": "ulica cesta trg odprto zaprto izhod vhod lekarna pekarna mesnica policija šola cerkev mestna hiša postaja "
    "parkirišče razprodaja dobrodošli frizer knjigarna prepovedano in trgovina",
    "hr": "ulica trg otvoreno zatvoreno izlaz ulaz ljekarna apoteka pekara mesnica policija škola crkva vijećnica "
    "kolodvor parkiralište rasprodaja dobrodošli frizer knjižara zabranjeno i trgovina cesta",
    "hu": "utca út tér nyitva zárva kijárat bejárat gyógyszertár pékség húsbolt rendőrség iskola templom városháza "
    "pályaudvar parkoló akció üdvözöljük fodrász könyvesbolt tilos és a az bolt eladó",
    "ro": "strada bulevardul piața calea deschis închis ieșire intrare farmacie brutărie măcelărie poliția școala "
    "biserica primăria gara parcare reduceri bine ați venit frizerie librărie interzis și de vânzare magazin",
    "sq": "rruga sheshi hapur mbyllur dalje hyrje farmaci furrë mishtore policia shkolla kisha bashkia stacioni parkim "
    "zbritje mirë se vini berber libraria ndalohet dhe dyqan",
    "tr": "sokak sokağı cadde caddesi meydanı bulvarı açık kapalı çıkış giriş eczane eczanesi fırın kasap polis okulu "
    "camii belediyesi istasyon otopark indirim hoş geldiniz kuaför kitabevi yasak ve satılık mağaza lokantası",
    "ca": "carrer plaça avinguda obert tancat sortida entrada farmàcia fleca forn carnisseria policia escola església "
    "ajuntament estació aparcament rebaixes benvinguts perruqueria llibreria prohibit i els botiga",
    "cy": "heol stryd ffordd ar agor wedi cau allanfa mynedfa fferyllfa popty cigydd heddlu ysgol eglwys neuadd y dref "
    "gorsaf maes parcio croeso araf llyfrgell dim ysmygu",
    "id": "jalan buka tutup keluar masuk apotek toko roti polisi sekolah masjid gereja balai kota stasiun parkir "
    "diskon selamat datang dilarang merokok dan dijual rumah makan warung pasar gang",
    "vi": "đường phố mở cửa đóng lối ra vào nhà thuốc hiệu bánh mì công an trường học chợ quán ăn cà phê bán cho thuê "
    "bệnh viện khách sạn cấm hút thuốc và nước phở ngõ",
    "tl": "kalye bukas sarado labasan pasukan botika panaderya pulis paaralan simbahan munisipyo istasyon paradahan "
    "bawal maligayang pagdating ang mga ng tindahan",
    "sw": "barabara mtaa imefunguliwa imefungwa kutoka kuingia duka la dawa mkate polisi shule kanisa msikiti kituo "
    "maegesho karibu hairuhusiwi na ya kwa hoteli",
    "so": "waddada furan xiran bixid gelitaan farmashi booliska dugsiga masjidka suuqa soo dhawoow iyo",
    "ru": "улица площадь проспект открыто закрыто выход вход аптека булочная хлеб мясо полиция школа церковь вокзал "
    "парковка скидки добро пожаловать парикмахерская книги продукты магазин запрещено и для не кафе",
    "uk": "вулиця площа проспект відчинено зачинено вихід вхід аптека хліб поліція школа церква вокзал парковка знижки "
    "ласкаво просимо перукарня книгарня продукти крамниця заборонено і для не кав'ярня",
    "bg": "улица площад булевард отворено затворено изход вход аптека хлебарница полиция училище църква община гара "
    "паркинг намаление добре дошли фризьорски книжарница магазин забранено и за не",
    "mk": "улица плоштад булевар отворено затворено излез влез аптека пекара полиција училиште црква општина станица "
    "паркинг попуст добредојдовте фризерски книжарница продавница забрането и за не",
    "ar": "شارع ميدان مفتوح مغلق خروج دخول صيدلية مخبز مخبزة شرطة مدرسة مسجد كنيسة محطة موقف تخفيضات مرحبا حلاق مكتبة "
    "ممنوع مطعم سوق مستشفى و في من",
    "fa": "خیابان میدان باز بسته خروج ورود داروخانه نانوایی پلیس مدرسه مسجد ایستگاه پارکینگ حراج خوش آمدید آرایشگاه "
    "کتابفروشی ممنوع رستوران بازار بیمارستان و در از",
    "ur": "سڑک بازار کھلا بند باہر داخلہ دواخانہ بیکری پولیس اسکول مسجد اسٹیشن پارکنگ خوش آمدید حجام کتب منع ہے اور کا",
    "hi": "सड़क मार्ग खुला बंद निकास प्रवेश दवाखाना बेकरी पुलिस विद्यालय मंदिर स्टेशन पार्किंग छूट "
    "स्वागत नाई पुस्तक निषेध है और का की होटल",
    "mr": "रस्ता मार्ग उघडे बंद बाहेर प्रवेश औषधालय बेकरी पोलीस शाळा मंदिर स्थानक वाहनतळ सवलत स्वागत पुस्तक मनाई आहे आणि चा ची",
    "ne": "सडक मार्ग खुला बन्द निकास प्रवेश औषधि पसल बेकरी प्रहरी विद्यालय मन्दिर बिसौनी पार्किङ छुट स्वागत निषेध छ र को",
}
"""By CLDR's code of the language."""

NO_PLACES = (
    "bar cafe café restaurant hotel pizza burger coffee kebab bank taxi bus metro tram park center centre central city "
    "town market mall store super mini max time cash info wifi video photo foto phone mobile service auto motor moto "
    "car cars van man men woman women lady kids baby boy girl king queen prince star sun moon sea sky fire gold silver "
    "red green blue black white orange pink rose lily nice best good new old big small north south east west left "
    "right up down in on off of to by at as is it its my your our we he she me one two three four five six ten first "
    "last day days night week month year hour april may june july august monday sunday santa san saint st street road "
    "avenue square station airport port bridge tower castle palace church temple museum theatre theater cinema school "
    "university college hospital clinic dental police post office sale sales rent free open closed stop slow exit "
    "enter push pull keep clear only no yes not please thank welcome bath bed bread butter reading deal sandwich buy "
    "split most male lens nancy tours angers dole brest bergen batman martin victoria alexandria florence georgia "
    "jackson lincoln washington jordan charlotte madison austin dallas houston paris london milan diamond crystal "
    "mercedes lexus union liberty paradise eden delta omega alpha progress pioneer universal international national "
    "royal imperial general commercial industrial express premium classic modern natural organic fresh fruit fish "
    "meat milk tea water beer wine bravo brava mango banana lemon apple samsung nokia sony canon nike adidas zara "
    "marina casa villa mar sol luna rio norte sur este oeste centro nova bella bona buena real general la le el los "
    "las les de del della di da do dos das du des van von der den het und und the and y e o a i con per por para pour "
    "salon balıkçı"
)
"""Words that are mostly no place when they stand alone; towns are called so too."""


@cache
def languages_of_words() -> dict[str, frozenset[str]]:
    """A word in lower case, with its accents and without → the languages on whose signs it stands."""
    found: dict[str, set[str]] = {}
    for language, words in SIGN_WORDS.items():
        for word in {*words.casefold().split(), *words_of(words)}:
            found.setdefault(word, set()).add(language)
    return {word: frozenset(languages) for word, languages in found.items()}


@cache
def ordinary_words() -> frozenset[str]:
    """Words that are no place by themselves."""
    return frozenset((*words_of(NO_PLACES), *languages_of_words()))
