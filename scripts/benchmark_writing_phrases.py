"""Names and languages found in phrases of shop fronts that name no place, for `benchmark_writing`; no picture needed.

What was chosen by such phrases (`EVENNESS` of the languages, words that are no places) was chosen on those with even
numbers; those with odd numbers are counted here.
"""

from __future__ import annotations

from lookhear.perception.writing.clues import SURE_OF_LANGUAGE
from lookhear.perception.writing.languages import guess_languages
from lookhear.perception.writing.place_names import find_places

PHRASES = {
    "en": "Fish and chips;Dry cleaning;Coffee shop;Buy one get one free;Caution wet floor;Private property;"
    "Ladies toilets;Hair salon;Nail bar;Estate agents;Keep left;Speed limit;Cycle lane ends;Pay here;"
    "Self service laundry;Mobile phone repair;Second hand books;Travel agency;Hardware store;"
    "Fresh flowers daily;Wine merchant;Car wash;Customer entrance;Delivery only;Bus stop;Ticket office;"
    "Emergency exit;Beauty salon;Antiques;Optician",
    "fr": "Pompes funèbres;Vêtements enfants;Chaussures;Salon de thé;Pressing;Location de voitures;"
    "Défense de fumer;Poissonnerie;Fromagerie;Cave à vins;Agence immobilière;Banque populaire;Arrêt de bus;"
    "Piscine municipale;Crédit agricole;Fleuriste;Opticien;Crêperie bretonne;Travaux;Passage piétons",
    "de": "Reinigung;Schuhe;Blumen;Getränkemarkt;Zahnarzt;Rechtsanwalt;Fahrräder;Einbahnstraße;Baustelle;Sparkasse;"
    "Möbelhaus;Reisebüro;Fahrschule;Kindergarten;Feuerwehr;Imbiss;Gasthof;Bushaltestelle;Spielplatz;"
    "Schlüsseldienst",
    "es": "Zapatería;Ferretería;Muebles;Se alquila;Lavandería;Taller mecánico;Dentista;Flores;Joyería;Papelería;"
    "Cervecería;Pescadería;Frutería;Autoescuela;Obras;Peatones;Parada de autobús;Correos;Helados;Bodega",
    "pt": "Sapataria;Ourivesaria;Talho;Arrenda-se;Lavandaria;Oficina;Dentista;Flores;Mercearia;Papelaria;"
    "Cervejaria;Peixaria;Frutaria;Escola de condução;Obras;Peões;Paragem;Correios;Gelados;Adega",
    "pl": "Obuwie;Kwiaty;Bank spółdzielczy;Fryzjer męski;Biuro podróży;Warzywa owoce;Przychodnia;Szewc;Meble;Lody;"
    "Cukiernia;Przystanek;Straż pożarna;Kantor;Dentysta;Poczta polska;Remont;Hurtownia;Okulary;Parking płatny",
    "tr": "Ayakkabı;Çiçekçi;Berber;Emlak;Dondurma;Kuyumcu;Mobilya;Diş hekimi;Kırtasiye;Manav;Balıkçı;Durak;İtfaiye;"
    "Postane;Tatlıcı;Tamirhane;Gözlük;Döviz bürosu;Kiralık;Dikkat köpek var",
    "it": "Scarpe;Fiori;Ferramenta;Affittasi;Lavanderia;Officina;Dentista;Gioielleria;Cartoleria;Birreria;"
    "Pescheria;Fruttivendolo;Autoscuola;Lavori in corso;Fermata;Poste italiane;Gelati;Cantina;Mobili;"
    "Agenzia viaggi",
}
"""Phrases by language, written down by hand; between them semicolons."""


def print_phrases() -> None:
    """How many of them seem to name a place, and how often a language that stands out is another."""
    phrases = [(tongue, text) for tongue, texts in PHRASES.items() for text in texts.split(";")[1::2]]
    named = [text for _, text in phrases if find_places(text)]
    misread = [text for _, text in phrases if not find_places(text) and find_places(text, may_be_misread=True)]
    best = [(tongue, (guess_languages(text) or (None,))[0]) for tongue, text in phrases]
    sure = [tongue == guess.language for tongue, guess in best if guess and guess.share >= SURE_OF_LANGUAGE]
    print(f"{len(phrases)} phrases without a place: a name in {len(named)} ({', '.join(named)}), and if they had been")
    print(
        f"read badly, one in {len(misread)} more; a language stands out in {len(sure)}, another in {sure.count(False)}"
    )
